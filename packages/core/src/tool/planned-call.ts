/** Plans of tools: what a call would do exactly, read from what user code returned. Pure. */
import { describeValue } from '@beamclaw/actor/internal'
import { shownText } from '../approval/shown-text.ts'
import type { Permit } from '../base/approval.ts'
import { BeamClawError } from '../base/errors.ts'
import { eachOf, type Fail, fieldsOf, jsonOf, nameOf, read, stringOf } from '../base/message-check.ts'
import type { JsonValue } from '../base/messages.ts'

/** Maximum characters of what is shown and of what is executed: all of it is shown, so more than that cannot be approved. */
const maxPlanCharacters = 256 * 1024

/** Permits of one plan. */
const maxPermits = 64

/** A checked plan. `detail` is undefined for a tool without one of its own. */
export interface PlannedCall {
  readonly display: string
  readonly detail: JsonValue | undefined
  readonly permits: readonly Permit[] | undefined
}

/** Returns the plan of a tool that makes none: its name and its exact input. */
export function plainPlan(name: string, input: JsonValue): PlannedCall {
  const permits = [{ subject: `tool:${name}`, args: [canonicalJson(input)] }]
  return bounded({ display: shownText(`${name} ${JSON.stringify(input, undefined, 2)}`), detail: undefined, permits })
}

/** Returns a copy of a plan, its text as a person has to see it. Throws `tool-failed` for anything that is no plan, and for one that is too large. */
export function plannedCallOf(value: unknown): PlannedCall {
  return read(() => checkedPlan(value), 'plan', misfit)
}

const misfit: Fail = (problem) => new BeamClawError('tool-failed', `The tool returned a plan that cannot be used: ${problem}`)

function checkedPlan(value: unknown): PlannedCall {
  const { display, detail, permits } = fieldsOf(value, 'plan', misfit)
  if (detail === undefined) throw misfit(`plan.detail must be JSON, received ${describeValue(detail)}`)
  return bounded({
    display: shownText(nameOf(display, 'plan.display', misfit)),
    detail: jsonOf(detail, 'plan.detail', misfit),
    permits: permitsOf(permits, misfit),
  })
}

/** Returns checked permits; undefined where there are none, or more than a person could read. */
export function permitsOf(value: unknown, fail: Fail): readonly Permit[] | undefined {
  if (value === undefined) return undefined
  const permits = eachOf(value, 'permits', fail, (permit, path) => {
    const { subject, args } = fieldsOf(permit, path, fail)
    return { subject: nameOf(subject, `${path}.subject`, fail), args: eachOf(args, `${path}.args`, fail, stringOf) }
  })
  return permits.length > maxPermits ? undefined : permits
}

function bounded(plan: PlannedCall): PlannedCall {
  if (JSON.stringify(plan).length <= maxPlanCharacters) return plan
  throw new BeamClawError(
    'tool-failed',
    `What the call would do takes more than ${maxPlanCharacters} characters: more than a person can approve`,
  )
}

/** Returns JSON with the keys of every object in order, so that equal values give equal texts. */
function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson((value as Readonly<Record<string, JsonValue>>)[key] as JsonValue)}`)
  return `{${fields.join(',')}}`
}
