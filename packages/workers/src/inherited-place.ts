/** How a parent tells a worker which one it is: by a variable of the environment, which is there before any message. */
import { type NodeRef, parseNodeId } from '@beamclaw/core'
import { isNodeRef } from './messages.ts'

const variable = 'BEAMCLAW_WORKER'

/** Returns the variable for the environment of a worker. */
export function placeVariable({ id, incarnation }: NodeRef): Readonly<Record<string, string>> {
  return { [variable]: JSON.stringify({ id, incarnation }) }
}

/** Returns what the parent of this process has called it; undefined in a process without one. A program that a worker starts inherits the variable, and no channel. */
export function inheritedPlace(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  hasChannel = process.send !== undefined,
): NodeRef | undefined {
  const text = environment[variable]
  if (text === undefined || !hasChannel) return undefined
  try {
    const place: unknown = JSON.parse(text)
    return isNodeRef(place) ? { id: parseNodeId(place.id), incarnation: place.incarnation } : undefined
  } catch {
    return undefined
  }
}
