import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agentMetrics, type AgentStats } from '../../agent/metrics.ts'
import type { GatewayStats } from '../../gateway/gateway-stats.ts'
import { gatewayMetrics } from '../../gateway/metrics.ts'
import { Histogram } from '../../shared/histogram.ts'
import { type MetricSpec, renderMetrics } from '../../shared/metrics.ts'

const tables: Readonly<
  Record<string, readonly Pick<MetricSpec<never>, 'name' | 'help' | 'type'>[]>
> = {
  agent: agentMetrics,
  gateway: gatewayMetrics
}

const commit = new Histogram([0.1, 1])
commit.observe(0.05)
commit.observe(5)

const agent: AgentStats = {
  buffer: {
    records: 7,
    bytes: 700,
    segments: 2,
    oldestAgeMs: 1500,
    appendedRecords: 9,
    releasedRecords: 2,
    parkedRecords: 1,
    lost: [{ stream: 's', reason: 'overflow', records: 3 }],
    commit,
    mode: 'memory',
    ringRecords: 4,
    epoch: '00'.repeat(16)
  },
  sender: {
    sentRecords: 5,
    sentBytes: 500,
    ackedRecords: 2,
    rejectedRecords: { too_large: 1 },
    transportFailures: 0,
    retries: 0,
    stalls: 0,
    inFlightFrames: 1,
    inFlightBytes: 100,
    connected: true,
    lastAckAgeMs: undefined,
    unauthorized: false,
    heldStreams: [{ stream: 'x', code: 'forbidden' }]
  },
  link: {
    totalBytes: 900,
    periods: [
      { period: 'day', usedBytes: 60, limitBytes: 100, leftBytes: 40 },
      { period: 'month', usedBytes: 800 }
    ],
    projectedMonthBytes: 1600,
    metered: true,
    quiet: false,
    clockEstimated: false,
    held: [{ stream: 'y', reason: 'metered' }]
  },
  clock: { state: 'ntp', errorMs: -3 },
  sources: {
    app: { records: 9, bytes: 900, problems: { cut_line: 2 }, behindBytes: 11, restarts: 0 },
    pipe: { records: 0, bytes: 0, problems: {}, restarts: 1 }
  }
}

const gateway: GatewayStats = {
  admission: {
    receivedRecords: 3,
    receivedBytes: 30,
    storedRecords: 2,
    repeatedRecords: 1,
    rejectedRecords: { invalid: 1 },
    answers: { ok: 2 },
    sources: 1,
    forgotten: { keys: 2 }
  },
  sharding: {
    bytes: 5,
    maxBytes: 10,
    lanes: [
      {
        stream: 's',
        shard: 'shardId-000000000000',
        queuedBytes: 5,
        queuedRecords: 1,
        throttles: 4,
        putRecords: 2,
        putBytes: 20,
        puts: 1,
        payloadUnits: 3
      }
    ]
  }
}

test('names follow the rules of Prometheus: prefix, base units, counters end in _total', () => {
  for (const [program, specs] of Object.entries(tables)) {
    const names = specs.map(({ name }) => name)
    assert.equal(new Set(names).size, names.length)
    for (const { name, help, type } of specs) {
      assert.match(name, new RegExp(`^(headwater_${program}|process)_[a-z0-9_]+$`))
      assert.equal(name.endsWith('_total'), type === 'counter', name)
      assert.doesNotMatch(name, /_(ms|millis\w*|kb|mb|percent)(_|$)/)
      assert.match(help, /^[A-Z0-9].*\.$/, name)
    }
  }
})

test('the help of a metric says of what it is, since it is read without the one before', () => {
  for (const { name, help } of Object.values(tables).flat()) {
    assert.doesNotMatch(
      help,
      /^(Its?|They|Their|Those|The same)\b|\b(what they|(in|for) them)\b/i,
      name
    )
  }
})

test('the agent shows its backlog, its losses by reason and what is not known not at all', async () => {
  const text = await renderMetrics(agentMetrics, agent)
  for (const line of [
    'headwater_agent_oldest_unsent_seconds 1.5',
    'headwater_agent_data_age_seconds 1.5',
    'headwater_agent_backlog_records 7',
    'headwater_agent_lost_records_total{stream="s",reason="overflow"} 3',
    'headwater_agent_source_problems_total{source="app",reason="cut_line"} 2',
    'headwater_agent_source_behind_bytes{source="app"} 11',
    'headwater_agent_rejected_records_total{code="too_large"} 1',
    'headwater_agent_held_stream{stream="x",code="forbidden"} 1',
    'headwater_agent_memory_mode 1',
    'headwater_agent_commit_seconds_bucket{le="0.1"} 1',
    'headwater_agent_commit_seconds_bucket{le="+Inf"} 2',
    'headwater_agent_commit_seconds_count 2'
  ]) {
    assert.ok(text.split('\n').includes(line), `${line}\nis not in\n${text}`)
  }
  assert.doesNotMatch(
    text,
    /source_behind_bytes\{source="pipe"\}|^headwater_agent_last_ack_age_seconds/m
  )
})

test('data is as old as the last Ack while there is a backlog, and never older than the backlog', async () => {
  const age = async (oldestAgeMs: number, lastAckAgeMs: number | undefined) => {
    const buffer = { ...agent.buffer, oldestAgeMs }
    const sender = { ...agent.sender, lastAckAgeMs }
    const text = await renderMetrics(agentMetrics, { ...agent, buffer, sender })
    return Number(/^headwater_agent_data_age_seconds (.*)$/m.exec(text)?.[1])
  }
  assert.deepEqual(
    [
      await age(0, 9000),
      await age(60_000, 2000),
      await age(1000, 9000),
      await age(5000, undefined)
    ],
    [0, 2, 1, 5]
  )
})

test('the gateway shows throttles by shard, and nothing of what is off', async () => {
  const text = await renderMetrics(gatewayMetrics, gateway)
  for (const line of [
    'headwater_gateway_throttles_total{stream="s",shard="shardId-000000000000"} 4',
    'headwater_gateway_lane_records{stream="s",shard="shardId-000000000000"} 1',
    'headwater_gateway_answers_total{code="ok"} 2',
    'headwater_gateway_memory_limit_bytes 10'
  ]) {
    assert.ok(text.split('\n').includes(line), `${line}\nis not in\n${text}`)
  }
  assert.doesNotMatch(text, /^headwater_gateway_(mqtt|http|commit)/m)
})

test('every metric can be read from a program that has done nothing', async () => {
  const idle: GatewayStats = { ...gateway, sharding: { bytes: 0, maxBytes: 1, lanes: [] } }
  assert.match(await renderMetrics(gatewayMetrics, idle), /process_resident_memory_bytes [1-9]/)
  assert.match(
    await renderMetrics(agentMetrics, { ...agent, sources: {} }),
    /process_cpu_seconds_total/
  )
})
