/** `device`: a device sends only for trackers of its own name, `NAME` or `NAME/…`. */
export type TrackerIds = 'any' | 'device'

/**
 * Why `device` may not send for `tracker`; undefined when it may. So may a sender without a device,
 * of whom nothing was asked.
 */
export function foreignTracker(
  ids: TrackerIds,
  { device, tracker }: { readonly device: string | undefined; readonly tracker: string }
): string | undefined {
  if (ids === 'any' || device === undefined) return undefined
  if (tracker === device || tracker.startsWith(`${device}/`)) return undefined
  return `device "${device}" may not send for tracker "${tracker}"; give the app the device's name as its id or user`
}
