/** How a position came about. `estimated` is dead reckoning. */
export type FixQuality =
  | 'gps'
  | 'dgps'
  | 'pps'
  | 'rtk'
  | 'rtk-float'
  | 'estimated'
  | 'manual'
  | 'simulated'

/** Where a receiver was at one moment; what it did not say is absent. */
export interface Fix {
  /** As the receiver says, milliseconds since the epoch, UTC; absent while it knows no date. */
  readonly time?: number
  /** Degrees, WGS 84; north and east are positive. */
  readonly lat: number
  readonly lon: number
  /** Metres above mean sea level. */
  readonly alt?: number
  /** Metres above the ellipsoid. */
  readonly altHae?: number
  /** Over ground, metres per second. */
  readonly speed?: number
  /** Over ground, degrees from true north, 0 to 360. */
  readonly course?: number
  /** Horizontal error as the receiver estimates it, metres. */
  readonly accuracy?: number
  readonly hdop?: number
  /** In use. */
  readonly satellites?: number
  readonly mode?: 2 | 3
  readonly quality?: FixQuality
}
