import { metricTable } from '../shared/metric-table.ts'
import type { AdmissionStats } from './admission/admission.ts'
import type { EmbeddedEngineStats } from './engines/embedded/engine-stats.ts'
import type { KinesisServerStats } from './engines/embedded/wire/kinesis-server.ts'
import type { HttpFrontStats } from './fronts/http/http-front.ts'
import type { MqttFrontStats } from './fronts/mqtt/mqtt-front.ts'
import type { ShardingStats } from './sharding/sharding.ts'
import type { ForwarderStats } from './spool/forwarder.ts'
import type { CertificateStats } from './tls/certificate-watch.ts'

/** What the metrics are read from; what is off has none. */
export interface GatewayStats {
  readonly admission: AdmissionStats
  readonly sharding: ShardingStats
  /** Of the embedded engine. */
  readonly engine?: EmbeddedEngineStats
  readonly http?: HttpFrontStats
  readonly mqtt?: MqttFrontStats
  readonly kinesis?: KinesisServerStats
  /** Of the TLS listeners. */
  readonly certificate?: CertificateStats
  readonly spool?: ForwarderStats
}

/** Makes metrics of them. */
export const gatewayTable = metricTable<GatewayStats>('headwater_gateway')
