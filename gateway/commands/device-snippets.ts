/** How a device reaches this gateway. */
export interface Reach {
  readonly device: string
  /** Absent: it comes with a certificate or a JWT. */
  readonly token?: string
  /** Name or address of the gateway, as devices know it. */
  readonly host: string
  /** Absent: that front is off. */
  readonly httpPort?: number
  readonly mqttPort?: number
  readonly tls: boolean
  /** Whether the gateway asks for a certificate of the device too. */
  readonly certificate: boolean
  readonly stream: string
}

/** How to send from a device, by what sends; only what this gateway listens for. */
export function deviceSnippets(reach: Reach): Readonly<Record<string, string>> {
  const { httpPort, mqttPort } = reach
  const agentUrl = agentUrlOf(reach)
  return {
    ...(agentUrl === undefined ? {} : agentSnippets(reach, agentUrl)),
    ...(httpPort === undefined ? {} : { curl: curl(reach, httpPort) }),
    ...(mqttPort === undefined
      ? {}
      : { mosquitto_pub: mosquittoPub(reach, mqttPort), arduino: arduino(reach, mqttPort) })
  }
}

function agentUrlOf({ host, httpPort, mqttPort, tls }: Reach): string | undefined {
  if (httpPort !== undefined) return `${tls ? 'https' : 'http'}://${host}:${httpPort}`
  if (mqttPort !== undefined) return `${tls ? 'mqtts' : 'mqtt'}://${host}:${mqttPort}`
  return undefined
}

function agentSnippets({ device, token, tls, certificate, stream }: Reach, url: string) {
  const files = [
    ...(tls ? ['ca: { file: ca.pem }'] : []),
    ...(certificate ? [`cert: { file: ${device}.pem }, key: { file: ${device}.key }`] : [])
  ]
  const yaml = [
    `device: ${device}`,
    `to: ${url}`,
    `stream: ${stream}`,
    ...(token === undefined ? [] : [`token: { file: ${device}.token }`]),
    ...(files.length === 0 ? [] : [`tls: { ${files.join(', ')} }`]),
    'sources:',
    '  metrics: { metrics: 60s }'
  ]
  const save =
    token === undefined ? [] : [`(umask 077; printf '%s\\n' '${token}' > ${device}.token)`]
  // Certificates have no flags.
  const run =
    files.length > 0
      ? 'headwater-agent run --config agent.yaml'
      : `headwater-agent run --metrics --device ${device} --to ${url} --stream ${stream}${
          token === undefined ? '' : ` --token-file ${device}.token`
        }`
  return { 'agent.yaml': yaml.join('\n'), agent: [...save, run].join('\n') }
}

function curl(reach: Reach, port: number): string {
  const { device, token, host, tls, certificate, stream } = reach
  return command([
    'curl --fail-with-body',
    ...(token === undefined ? [] : [`-H 'Authorization: Bearer ${token}'`]),
    ...(tls ? ['--cacert ca.pem'] : []),
    ...(certificate ? [`--cert ${device}.pem --key ${device}.key`] : []),
    `-H 'Content-Type: application/json' -d '{"records":[{"json":{"t":21.5}}]}'`,
    `${tls ? 'https' : 'http'}://${host}:${port}/v1/streams/${stream}/records`
  ])
}

function mosquittoPub(reach: Reach, port: number): string {
  const { device, token, host, tls, certificate, stream } = reach
  return command([
    `mosquitto_pub -h ${bare(host)} -p ${port} -i ${device} -q 1`,
    ...(token === undefined ? [] : [`-u ${device} -P '${token}'`]),
    ...(tls ? ['--cafile ca.pem'] : []),
    ...(certificate ? [`--cert ${device}.pem --key ${device}.key`] : []),
    `-t streams/${stream}/${device} -m '{"t":21.5}'`
  ])
}

function arduino({ device, token, host, tls, certificate, stream }: Reach, port: number): string {
  const pem = (name: string, file: string) => `const char ${name}[] = R"(...)";  // ${file}`
  const login = token === undefined ? `"${device}"` : `"${device}", "${device}", "${token}"`
  return [
    '// ESP32. PubSubClient publishes with QoS 0: what is lost on the way is lost without a word.',
    '// Where every record counts, post it over HTTP and keep it until the 200, or use a library',
    '// that publishes with QoS 1 and keep it until the PUBACK.',
    '#include <WiFi.h>',
    ...(tls ? ['#include <WiFiClientSecure.h>'] : []),
    '#include <PubSubClient.h>',
    '',
    ...(tls ? [pem('ca', 'ca.pem')] : []),
    ...(certificate ? [pem('cert', `${device}.pem`), pem('key', `${device}.key`)] : []),
    `${tls ? 'WiFiClientSecure' : 'WiFiClient'} net;`,
    'PubSubClient mqtt(net);',
    '',
    'void setup() {',
    '  WiFi.begin("SSID", "PASSWORD");',
    '  while (WiFi.status() != WL_CONNECTED) delay(100);',
    ...(tls ? ['  configTime(0, 0, "pool.ntp.org");  // certificates are checked against it'] : []),
    ...(tls ? ['  net.setCACert(ca);'] : []),
    ...(certificate ? ['  net.setCertificate(cert);', '  net.setPrivateKey(key);'] : []),
    `  mqtt.setServer("${bare(host)}", ${port});`,
    '}',
    '',
    'void loop() {',
    `  if (!mqtt.connected() && !mqtt.connect(${login})) return delay(5000);`,
    `  mqtt.publish("streams/${stream}/${device}", "{\\"t\\":21.5}");`,
    '  for (int i = 0; i < 600; i++) { mqtt.loop(); delay(100); }',
    '}'
  ].join('\n')
}

/** An IPv6 address without its brackets. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

function command(parts: readonly string[]): string {
  return parts.join(' \\\n  ')
}
