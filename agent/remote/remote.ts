/** Configuration that comes from the gateway: fetched, verified, checked, tried, kept or taken back. */
export { RemoteConfig } from './remote-config.ts'
export { RenewedAgent } from './renewed-agent.ts'
export { StoredConfigs } from './stored-configs.ts'
