/** A call that waits for a person survives its process: killed with SIGKILL while it waits, the next start asks again. Anything but a clear yes is a no. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { answer, ask } from './agent.ts'

const thisFile = fileURLToPath(import.meta.url)
const [, , folder] = process.argv

if (folder === undefined) await watchTwoLives(mkdtempSync(join(tmpdir(), 'beamclaw-example-')))
else await ask(folder)

async function watchTwoLives(data: string): Promise<void> {
  try {
    const first = startAgent(data)
    for await (const line of createInterface({ input: first.stdout ?? process.stdin })) {
      console.log(`first process:  ${line}`)
      first.kill('SIGKILL')
    }
    if (first.exitCode === null && first.signalCode === null) await once(first, 'exit')
    console.log('                killed while it waited')
    await answer(data, (line) => console.log(`second process: ${line}`))
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

function startAgent(data: string): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, thisFile, data], { stdio: ['ignore', 'pipe', 'inherit'] })
}
