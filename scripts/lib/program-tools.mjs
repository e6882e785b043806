// The published program has each tool that its configuration can name: what only a bundle can break is broken for all.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Returns what is wrong with the program that is unpacked in `scratch`. */
export function checkProgramTools(scratch, tools) {
  const driver = fileURLToPath(new URL('tool-calls.mjs', import.meta.url))
  const { status, stdout, stderr } = spawnSync('node', [driver, 'node_modules/beamclaw/dist/bin.js', scratch], tools)
  return status === 0 ? [] : [`the program lacks tools: ${`${stdout}${stderr}`.trim().slice(0, 8_000)}`]
}
