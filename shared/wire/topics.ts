/** Topics of the agent's own traffic over MQTT; a device may use only those that carry its id. */
export const topicPrefix = 'headwater/v1/'

export function batchTopic(device: string): string {
  return `${topicPrefix}${device}/batch`
}

export function jsonBatchTopic(device: string, stream: string): string {
  return `${topicPrefix}${device}/batch.json/${stream}`
}

export function ackTopic(device: string): string {
  return `${topicPrefix}${device}/ack`
}
