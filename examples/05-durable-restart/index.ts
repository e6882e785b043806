/** A run that survives its process: killed with SIGKILL in the middle of a tool, it continues after the next start. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { runAgent } from './agent.ts'

const thisFile = fileURLToPath(import.meta.url)
const [, , folder] = process.argv

if (folder === undefined) await watchTwoLives(mkdtempSync(join(tmpdir(), 'beamclaw-example-')))
else await runAgent(folder)

async function watchTwoLives(data: string): Promise<void> {
  try {
    const first = startAgent(data)
    for await (const line of linesOf(first)) {
      console.log(`first process:  ${line}`)
      if (line === 'measuring part 2') first.kill('SIGKILL')
    }
    console.log('                killed in the middle of part 2')
    const second = startAgent(data)
    const ended = once(second, 'exit')
    for await (const line of linesOf(second)) console.log(`second process: ${line}`)
    const [code] = await ended
    process.exitCode = code
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

function startAgent(data: string): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, thisFile, data], { stdio: ['ignore', 'pipe', 'inherit'] })
}

function linesOf({ stdout }: ChildProcess): AsyncIterable<string> {
  if (stdout === null) throw new Error('The agent has no output')
  return createInterface({ input: stdout })
}
