/**
 * What a node does. `draining`: one that is alone refuses new messages, one of several starts no session. `isolated`: other nodes may have taken over, so
 * nothing is done. `ended`: all calls are refused.
 */
export type NodePhase = 'running' | 'draining' | 'isolated' | 'ended'
