// Kinesalite in memory on loopback, for as long as standard input is open. Writes its port. Its own
// command line listens on all addresses.
import kinesalite from 'kinesalite'

const server = kinesalite({ createStreamMs: 10, updateStreamMs: 10, deleteStreamMs: 10 })
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit())
