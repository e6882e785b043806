/** The page at the gateway's address. */

export function frontPage(version: string): string {
  return `BeamClaw ${version}

GET  /health               is it alive
GET  /ready                does it take work
GET  /metrics              for Prometheus
GET  /v1/cluster/scale     how many nodes there should be
GET  /v1/models            agents and models
POST /v1/chat/completions  OpenAI Chat Completions; with the header
                           x-beamclaw-session-key: agent:<agent>:<session>
                           a message to a durable session
GET  /v1/approvals         calls that wait for a person
POST /v1/approvals/<id>    { "decision": "allow-once" }, or "deny"
GET  /v1/attachments/<id>  an image or a long text of that session
WS   /                     the gateway protocol, version 4
`
}
