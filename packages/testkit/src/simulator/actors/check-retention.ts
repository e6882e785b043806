/** Checks that ended actors can be collected as garbage, while their supervisor, clock and listeners live on. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { ActorWorld } from './actor-world.ts'

export async function checkRetention(world: ActorWorld): Promise<void> {
  const ended = world.lives.filter((life) => life.isOver && life.actor !== undefined && life.hooksInHand === 0)
  for (const life of world.lives) if (life.isOver) life.letGo()
  for (let round = 0; round < 3; round++) {
    await world.breathe()
    collectGarbage()
  }
  for (const life of ended) if (life.weak.deref() !== undefined) world.trace.fail('A6', `${life.id} has ended and is retained`)
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = (globalThis as { gc?: () => void }).gc ?? (runInNewContext('gc') as () => void)
  collect()
}
