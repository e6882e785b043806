import type { ReceivedRequest, ScriptedError } from '../answer.ts'

/** Returns the refusal of a request, as the service answers it; undefined for a request that it takes. */
export type Refuses = (request: ReceivedRequest) => ScriptedError | undefined
