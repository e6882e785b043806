/** What services refuse, so that a test meets the refusals that a user would meet. */
import type { ReceivedRequest, ScriptedError } from '../answer.ts'
import { refusedByOpenAiResponses } from './openai-responses.ts'

/** The services whose refusals are known. */
export type DialectName = keyof typeof dialects

/** Returns the refusal of a request, as the service answers it; undefined for a request that it takes. */
export type Refuses = (request: ReceivedRequest) => ScriptedError | undefined

const dialects = { 'openai-responses': refusedByOpenAiResponses } as const satisfies Readonly<Record<string, Refuses>>

/** Returns the refusal of a request by a service. */
export function refusalOf(name: DialectName | undefined, request: ReceivedRequest): ScriptedError | undefined {
  return name === undefined ? undefined : (dialects as Readonly<Record<string, Refuses>>)[name]?.(request)
}
