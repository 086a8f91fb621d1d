import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { sensors } from '../../../../agent/sources/sensors/sensors.ts'
import { sourceContract } from '../../../contract/source.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { FakeSysfs, slave } from './fake-sysfs.ts'

const zone = {
  'class/thermal/thermal_zone0/type': 'cpu-thermal\n',
  'class/thermal/thermal_zone0/temp': '48312\n'
}
const cpu = {
  sensor: 'thermal/cpu-thermal',
  label: 'cpu-thermal',
  kind: 'temperature',
  value: 48.312,
  unit: 'Cel'
}
const good = slave('50 01 4b 46 7f ff 0c 10 af', 'YES', 21_062)
const oneWire = 'bus/w1/devices/28-0316a2795fff'

sourceContract('sensors', async (t) => {
  const sysfs = await FakeSysfs.create(t)
  await sysfs.write(zone)
  const bench = new SourceBench(t, sensors)
  return {
    bench,
    options: { sensors: '100ms', sysRoot: sysfs.root, vcgencmd: '/nowhere/vcgencmd' },
    rewindable: false,
    produce: async (count) => {
      const wanted = bench.appender.chunks.length + count
      await bench.until(() => bench.appender.chunks.length >= wanted)
    }
  }
})

async function setup(t: TestContext, changes: object = {}) {
  const sysfs = await FakeSysfs.create(t)
  const bench = new SourceBench(t, sensors)
  const lines: Record<string, unknown>[] = []
  const log = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) })
  const options = {
    sensors: '10s',
    sysRoot: sysfs.root,
    vcgencmd: join(sysfs.root, 'vcgencmd'),
    ...changes
  }
  const records = () => bench.appender.texts.map((text) => JSON.parse(text))
  const logged = (message: string) => lines.filter(({ msg }) => msg === message)
  return { sysfs, bench, options, records, log, logged }
}

/** What is read once. */
async function readOnce(t: TestContext, files: Readonly<Record<string, string>>, changes = {}) {
  const { sysfs, bench, options, records } = await setup(t, changes)
  await sysfs.write(files)
  const source = bench.start(options, { once: true })
  await bench.until(() => !bench.running)
  assert.equal(await bench.done(), undefined)
  return { records: records(), problems: source.stats().problems }
}

test('a 1-wire thermometer is read where its checksum holds', async (t) => {
  const { records, problems } = await readOnce(t, {
    [`${oneWire}/w1_slave`]: good,
    'bus/w1/devices/28-000000000002/w1_slave': slave('50 01 4b 46 7f ff 0c 10 ae', 'NO', 21_062),
    'bus/w1/devices/10-000000000003/temperature': '-1187\n',
    'bus/w1/devices/3b-000000000004/temperature': '\n',
    'bus/w1/devices/00-400000000000/w1_slave': good,
    'bus/w1/devices/w1_bus_master1/w1_master_slave_count': '4\n'
  })
  assert.deepEqual(records, [
    { sensor: 'w1/10-000000000003', kind: 'temperature', value: -1.187, unit: 'Cel' },
    { sensor: 'w1/28-0316a2795fff', kind: 'temperature', value: 21.062, unit: 'Cel' }
  ])
  assert.deepEqual(problems, { crc_mismatch: 1, not_a_number: 1 })
})

test('the power-on value of a 1-wire thermometer is not a temperature; a true 85 °C is', async (t) => {
  const { records, problems } = await readOnce(t, {
    'bus/w1/devices/28-000000000001/w1_slave': slave('50 05 4b 46 7f ff 0c 10 1c', 'YES', 85_000),
    'bus/w1/devices/28-000000000002/w1_slave': slave('50 05 4b 46 7f ff 10 10 bb', 'YES', 85_000),
    'bus/w1/devices/28-000000000003/temperature': '85000\n'
  })
  assert.deepEqual(
    records.map(({ sensor, value }) => [sensor, value]),
    [['w1/28-000000000002', 85]]
  )
  assert.deepEqual(problems, { not_converted: 2 })
})

test('hwmon inputs come in their units, by device, and without those that are read elsewhere', async (t) => {
  const { sysfs, bench, options, records } = await setup(t, { only: ['hwmon'] })
  await sysfs.write({
    'class/hwmon/hwmon0/name': 'ina219\n',
    'class/hwmon/hwmon0/in1_input': '5012\n',
    'class/hwmon/hwmon0/curr1_input': '-250\n',
    'class/hwmon/hwmon0/power1_input': '1253000\n',
    'class/hwmon/hwmon0/in1_label': 'supply\n',
    'class/hwmon/hwmon1/name': 'pwmfan\n',
    'class/hwmon/hwmon1/fan1_input': '2988\n',
    'class/hwmon/hwmon1/pwm1': '75\n',
    'class/hwmon/hwmon2/name': 'cpu_thermal\n',
    'class/hwmon/hwmon2/temp1_input': '48312\n',
    'class/hwmon/hwmon3/name': 'w1_slave_temp\n',
    'class/hwmon/hwmon3/temp1_input': '21062\n'
  })
  await sysfs.link('class/hwmon/hwmon0/device', 'devices/i2c-1/1-0040')
  await sysfs.link('class/hwmon/hwmon2/device', 'class/thermal/thermal_zone0')
  await sysfs.link('class/hwmon/hwmon3/device', oneWire)
  bench.start(options, { once: true })
  await bench.until(() => !bench.running)
  assert.deepEqual(
    records().map(({ sensor, label, kind, value, unit }) => [sensor, label, kind, value, unit]),
    [
      ['hwmon/ina219@1-0040/curr1', 'ina219 curr1', 'current', -0.25, 'A'],
      ['hwmon/ina219@1-0040/in1', 'ina219 supply', 'voltage', 5.012, 'V'],
      ['hwmon/ina219@1-0040/power1', 'ina219 power1', 'power', 1.253, 'W'],
      ['hwmon/pwmfan/fan1', 'pwmfan fan1', 'fan', 2988, '1/min']
    ]
  )
})

test('IIO channels come in their units: converted by the driver, or raw with offset and scale', async (t) => {
  const { sysfs, bench, options, records } = await setup(t)
  const bme = 'devices/i2c-1/1-0076/iio:device0'
  const adc = 'devices/i2c-1/1-0048/iio:device1'
  await sysfs.link('bus/iio/devices/iio:device0', bme)
  await sysfs.link('bus/iio/devices/iio:device1', adc)
  await sysfs.write({
    [`${bme}/name`]: 'bme280\n',
    [`${bme}/in_temp_input`]: '21550\n',
    [`${bme}/in_pressure_input`]: '101.325390625\n',
    [`${bme}/in_humidityrelative_input`]: '44123\n',
    [`${bme}/in_temp_oversampling_ratio`]: '2\n',
    [`${adc}/name`]: 'ads1015\n',
    [`${adc}/label`]: 'tank\n',
    [`${adc}/in_voltage0_raw`]: '800\n',
    [`${adc}/in_voltage0_scale`]: '2.000000\n',
    [`${adc}/in_voltage0-voltage1_raw`]: '-100\n',
    [`${adc}/in_voltage-voltage_scale`]: '0.5\n',
    [`${adc}/in_temp_raw`]: '2500\n',
    [`${adc}/in_temp_input`]: '19000\n',
    [`${adc}/in_temp_peak_raw`]: '9999\n',
    [`${adc}/in_current0_raw`]: '7\n',
    [`${adc}/in_pressure_raw`]: '1000\n',
    [`${adc}/in_pressure_offset`]: '-200\n',
    [`${adc}/in_pressure_scale`]: '0.125\n',
    [`${adc}/in_proximity_input`]: '12\n'
  })
  bench.start(options, { once: true })
  await bench.until(() => !bench.running)
  assert.deepEqual(
    records().map(({ sensor, label, kind, value, unit }) => [sensor, label, kind, value, unit]),
    [
      ['iio/bme280@1-0076/humidityrelative', undefined, 'humidity', 44.123, '%RH'],
      ['iio/bme280@1-0076/pressure', undefined, 'pressure', 101_325.3906, 'Pa'],
      ['iio/bme280@1-0076/temp', undefined, 'temperature', 21.55, 'Cel'],
      ['iio/ads1015@1-0048/current0', 'tank', 'raw-current', 7, undefined],
      ['iio/ads1015@1-0048/pressure', 'tank', 'pressure', 100_000, 'Pa'],
      ['iio/ads1015@1-0048/proximity', 'tank', 'proximity', 12, undefined],
      ['iio/ads1015@1-0048/temp', 'tank', 'temperature', 19, 'Cel'],
      ['iio/ads1015@1-0048/voltage0', 'tank', 'voltage', 1.6, 'V'],
      ['iio/ads1015@1-0048/voltage0-voltage1', 'tank', 'voltage', -0.05, 'V']
    ]
  )
})

test('the power state of a Raspberry Pi is asked of vcgencmd, else of hwmon, else of the firmware file', async (t) => {
  const { sysfs, bench, options, records } = await setup(t)
  const read = async () => {
    bench.start(options, { once: true })
    await bench.until(() => !bench.running)
    return records().at(-1)
  }
  const file = 'devices/platform/soc/soc:firmware/get_throttled'
  await sysfs.write({ [file]: '80000\n' })
  assert.deepEqual(await read(), {
    sensor: 'rpi/throttled',
    kind: 'throttled',
    value: 0x80000,
    flags: ['soft-temperature-limit-occurred']
  })
  await sysfs.write({
    'class/hwmon/hwmon1/name': 'rpi_volt\n',
    'class/hwmon/hwmon1/in0_lcrit_alarm': '1\n'
  })
  assert.deepEqual((await read()).flags, ['under-voltage'])
  await sysfs.command('vcgencmd', '[ "$1" = get_throttled ] && echo throttled=0x50005')
  assert.deepEqual((await read()).flags, [
    'under-voltage',
    'throttled',
    'under-voltage-occurred',
    'throttled-occurred'
  ])
  await sysfs.command('vcgencmd', 'echo VCHI initialization failed; exit 255')
  assert.deepEqual((await read()).flags, ['under-voltage'])
})

test('the first reading comes after 1 s, then one each interval, all volatile', async (t) => {
  const { sysfs, bench, options, records } = await setup(t)
  await sysfs.write(zone)
  bench.start(options)
  await bench.pass(900)
  assert.deepEqual(records(), [])
  await bench.until(() => records().length === 1)
  assert.deepEqual(records(), [cpu])
  await bench.pass(9500)
  assert.equal(records().length, 1)
  await bench.until(() => records().length === 2)
  assert.ok(bench.appender.chunks.every((chunk) => chunk.volatile === true))
})

test('record interval: all readings of an interval are one record', async (t) => {
  const files = { ...zone, [`${oneWire}/w1_slave`]: good }
  const { records } = await readOnce(t, files, { record: 'interval' })
  assert.equal(records.length, 1)
  assert.deepEqual(records[0].readings, [
    cpu,
    { sensor: 'w1/28-0316a2795fff', kind: 'temperature', value: 21.062, unit: 'Cel' }
  ])
})

test('only: ids, beginnings of ids and patterns choose', async (t) => {
  const files = {
    ...zone,
    [`${oneWire}/w1_slave`]: good,
    'bus/w1/devices/28-000000000002/w1_slave': good
  }
  const chosen = async (only: string[]) =>
    (await readOnce(t, files, { only })).records.map(({ sensor }) => sensor)
  assert.deepEqual(await chosen(['w1']), ['w1/28-000000000002', 'w1/28-0316a2795fff'])
  assert.deepEqual(await chosen(['w1/28-0316a2795fff']), ['w1/28-0316a2795fff'])
  assert.deepEqual(await chosen(['*/28-0*2', 'thermal/*']), [
    'thermal/cpu-thermal',
    'w1/28-000000000002'
  ])
  assert.deepEqual(await chosen(['w']), [])
})

test('two zones of one type keep apart', async (t) => {
  const { records } = await readOnce(t, {
    'class/thermal/thermal_zone2/type': 'acpitz\n',
    'class/thermal/thermal_zone2/temp': '20000\n',
    'class/thermal/thermal_zone10/type': 'acpitz\n',
    'class/thermal/thermal_zone10/temp': '30000\n'
  })
  assert.deepEqual(
    records.map(({ sensor, value }) => [sensor, value]),
    [
      ['thermal/acpitz', 20],
      ['thermal/acpitz#2', 30]
    ]
  )
})

test('a sensor that fails is counted each time, reported once, and the others are read', async (t) => {
  const { sysfs, bench, options, records, log, logged } = await setup(t)
  await sysfs.write({ ...zone, [`${oneWire}/w1_slave`]: slave('00', 'NO', 0) })
  const source = bench.start(options, { log })
  await bench.until(() => records().length === 3)
  assert.deepEqual(records(), [cpu, cpu, cpu])
  assert.deepEqual(source.stats().problems, { crc_mismatch: 3 })
  assert.equal(logged('sensor cannot be read').length, 1)
  await sysfs.write({ [`${oneWire}/w1_slave`]: good })
  await bench.until(() => records().length === 5)
  await sysfs.write({ [`${oneWire}/w1_slave`]: slave('00', 'NO', 0) })
  await bench.until(() => records().length === 6)
  assert.equal(logged('sensor cannot be read').length, 2)
})

test('a sensor that disappears is reported, and is read again when it comes back', async (t) => {
  const { sysfs, bench, options, records, log, logged } = await setup(t)
  await sysfs.write({ ...zone, [`${oneWire}/w1_slave`]: good })
  const source = bench.start(options, { log })
  await bench.until(() => records().length === 2)
  await sysfs.remove(oneWire)
  await bench.until(() => records().length === 4)
  assert.deepEqual(source.stats().problems, { unreadable_sensor: 1 })
  assert.deepEqual(
    logged('sensors are gone').map(({ gone }) => gone),
    [['w1/28-0316a2795fff']]
  )
  await sysfs.write({ [`${oneWire}/w1_slave`]: good })
  await bench.until(() => records().at(-1).sensor.startsWith('w1/'))
  assert.deepEqual(source.stats().problems, { unreadable_sensor: 1 })
})

test('a machine without sensors is reported once, and watched for some', async (t) => {
  const { sysfs, bench, options, records, log, logged } = await setup(t)
  bench.start(options, { log })
  await bench.pass(70_000, 1000)
  assert.equal(logged('no sensor found; looked for again and again').length, 1)
  assert.deepEqual(bench.appender.chunks, [])
  await sysfs.write(zone)
  await bench.until(() => records().length > 0)
  assert.deepEqual(records()[0], cpu)
})
