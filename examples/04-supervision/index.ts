/** A worker that crashes on a bad message; its supervisor restarts it, and its sibling is not affected. */
import { setImmediate as nextRound } from 'node:timers/promises'
import { Actor, BeamClawError, Supervisor, silentLogger } from '@beamclaw/core'

/** Adds numbers. Any other message is a bug and crashes the actor, which is restarted with fresh state. */
class Adder extends Actor<number | string, number> {
  #sum = 0

  protected override handle(message: number | string): number {
    if (typeof message !== 'number') throw new Error(`"${message}" is no number`)
    this.#sum += message
    return this.#sum
  }
}

const supervisor = await new Supervisor({
  id: 'sums',
  strategy: 'oneForOne',
  children: [
    { id: 'left', start: () => new Adder() },
    { id: 'right', start: () => new Adder() },
  ],
}).start({ logger: silentLogger })

/** Calls the actor that runs under that name now. */
async function add(id: string, message: number | string): Promise<void> {
  const adder = supervisor.child(id) as Adder | undefined
  try {
    console.log(`${id} + ${message} = ${await adder?.call(message)}`)
  } catch (error) {
    if (!BeamClawError.isInstance(error)) throw error
    console.log(`${id} + ${message} failed: ${error.code}`)
  }
}

function showTree(): void {
  const { id, children = [] } = supervisor.tree()
  console.log(id)
  for (const child of children) console.log(`  ${child.id} ${child.state}, restarted ${child.restarts} times`)
}

await add('left', 2)
await add('right', 5)
showTree()
await add('left', 'two')
await nextRound()
await add('left', 3)
await add('right', 5)
showTree()
await supervisor.stop()
