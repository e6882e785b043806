/** Records of requests for approval. */
import { deepFreeze } from '../../base/deep-freeze.ts'
import { choiceOf, countOf, eachOf, type Fail, fieldsOf, jsonOf, nameOf, stringOf } from '../../base/message-check.ts'
import type { RecordFamily } from '../journal/record-family.ts'
import type { ApprovalAsk, ApprovalDone } from '../journal/records.ts'

const decisions = ['approved', 'denied', 'expired'] as const
const scopes = ['once', 'session', 'agent', 'tenant'] as const

export const approvalRecords: RecordFamily<ApprovalAsk | ApprovalDone> = {
  'approval-request': {
    check: ({ request }, fail) => checkQuestion(fieldsOf(request, 'request', fail), fail),
    fold(state, { runId, type, request }) {
      state.runUnderWay(runId, type).approvals.set(request.id, { request: deepFreeze(request), answer: undefined })
    },
    event: ({ request }, head) => ({ type: 'approval-request', ...head, request }),
  },
  'approval-decision': {
    check({ id, answer: given }, fail) {
      nameOf(id, 'id', fail)
      const { decision, by, scope, reason } = fieldsOf(given, 'answer', fail)
      choiceOf(decision, decisions, 'answer.decision', fail)
      if (by !== undefined) stringOf(by, 'answer.by', fail)
      if (scope !== undefined) choiceOf(scope, scopes, 'answer.scope', fail)
      if (reason !== undefined) stringOf(reason, 'answer.reason', fail)
    },
    fold(state, { runId, type, id, answer }) {
      const approval = state.runUnderWay(runId, type).approvals.get(id)
      // The first decision holds.
      if (approval !== undefined) approval.answer ??= deepFreeze(answer)
    },
    event: ({ id, answer }, head) => ({ type: 'approval-decision', ...head, id, answer }),
  },
}

function checkQuestion(request: Readonly<Record<string, unknown>>, fail: Fail): void {
  for (const name of ['id', 'agentId', 'toolName'] as const) nameOf(request[name], `request.${name}`, fail)
  for (const name of ['toolCallId', 'display'] as const) stringOf(request[name], `request.${name}`, fail)
  for (const name of ['turn', 'requestedAt', 'expiresAt'] as const) countOf(request[name], `request.${name}`, fail)
  choiceOf(request.onExpiry, ['deny', 'approve'], 'request.onExpiry', fail)
  jsonOf(request.input, 'request.input', fail)
  if (request.detail !== undefined) jsonOf(request.detail, 'request.detail', fail)
  if (request.question !== undefined) countOf(request.question, 'request.question', fail)
  if (request.permits !== undefined) eachOf(request.permits, 'request.permits', fail, checkPermit)
}

function checkPermit(value: unknown, path: string, fail: Fail): void {
  const { subject, args } = fieldsOf(value, path, fail)
  nameOf(subject, `${path}.subject`, fail)
  eachOf(args, `${path}.args`, fail, stringOf)
}
