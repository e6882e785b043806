#!/usr/bin/env node
// This file must run on old versions of Node, to print that they are too old.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`beamclaw needs Node 22.18 or newer; this is Node ${process.versions.node}`)
  process.exit(1)
}
const { main } = await import('./main.ts')
await main(process.argv)
