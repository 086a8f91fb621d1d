/** What may keep a stream back although the gateway would take it. */
export interface SendGate {
  /**
   * Milliseconds for which no batch of this stream may leave; 0: one may leave now. Asked before
   * each batch; what is kept back is asked for again after that time.
   */
  waitMs(stream: string): number
}
