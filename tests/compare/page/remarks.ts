/** The text of the page around the programs: facts, and for each program what is longer and why. */

/** The text about one program. */
export interface Remark {
  /** The folder below `programs`. */
  readonly folder: string
  readonly title: string
  /** Paragraphs. */
  readonly texts: readonly string[]
}

/** The programs, in the order of the page. */
export const remarks: readonly Remark[] = [
  {
    folder: '1-one-answer',
    title: 'One answer',
    texts: [
      'Address and key are read from the environment by BeamClaw and OpenAI Agents; `@ai-sdk/openai-compatible` is given both. BeamClaw has to be started, and is stopped at the end by `await using`; the other two need neither.',
      '`generate` is one call of the model, without a session. It does not repeat a call that fails; the other two try twice more. A message to a session is tried three times.',
    ],
  },
  {
    folder: '2-streamed-text',
    title: 'Streamed text',
    texts: [
      'From here on, the program in BeamClaw sends its message to a session, which keeps the conversation. All three have a stream of the text alone; a run of BeamClaw is also a stream of all its events (accepted, tool calls, results, end).',
    ],
  },
  {
    folder: '3-tool',
    title: 'A tool',
    texts: [
      'The tools are the same but for the names of their fields. `generateText` stops after one step unless `stopWhen` allows more; an agent of BeamClaw has 50 turns, one of OpenAI Agents 10.',
      'BeamClaw writes a call to the journal before the tool begins, and its result before the model sees it. With a store on disk, a crash does not start a call twice, unless the tool declares itself `idempotent`. In the other two, a crash loses the call together with its run.',
    ],
  },
  {
    folder: '4-structured-output',
    title: 'Structured output',
    texts: [
      'The schema goes with the message in BeamClaw and the AI SDK, and with the agent in OpenAI Agents. With `@ai-sdk/openai-compatible`, the schema is only sent with `supportsStructuredOutputs`.',
      'When the answer has another shape, BeamClaw asks the model once more and says what is wrong. The other two throw; there a second try is code to write.',
    ],
  },
  {
    folder: '5-conversation',
    title: 'A conversation that survives its process',
    texts: [
      'The program is started twice, each time with another message; the second process knows what the first was told. For BeamClaw it is a program like those above with one more line. In the other two, the program reads and writes the conversation. OpenAI Agents has an interface for this (`Session`), with one store in memory and one at OpenAI; a store in a file is code to write.',
      'When the process is killed while the model answers, the next process of BeamClaw continues with that message and then answers its own. The other two, as they stand here, have lost the message, because they write after the answer. To keep it, they would have to write it before they ask, and to notice after a crash that it still waits for an answer. They would also need a lock, so that two processes or two requests do not overwrite each other.',
    ],
  },
  {
    folder: '6-approval',
    title: 'Approval before a dangerous tool',
    texts: [
      'BeamClaw is the shortest and gives the least. It has no approvals yet, so the tool itself asks and waits, inside its process and for ten minutes at most (`timeoutMs`). When the process dies in the meantime, the model is told that the outcome of the call is *unknown*.',
      'The other two end the run at the call and return the question as data: messages in the AI SDK, and `result.state` in OpenAI Agents, which can be written as text. The program may store that data, and a person may answer a week later in another process. The loop around it makes them longer.',
    ],
  },
  {
    folder: '7-sub-agents',
    title: 'Sub-agents and hand-off',
    texts: [
      'One agent asks another for a sum, then hands the conversation over to a third, which also answers the next message. BeamClaw and OpenAI Agents have functions for both. In the AI SDK, a sub-agent is a tool that calls another agent. It has no hand-off, so a variable holds which agent answers.',
      'In BeamClaw, the session knows which agent answers; in the other two, the program carries that and the history from message to message. A sub-agent of BeamClaw has a journalled session of its own, and its tokens count for the run that asked.',
    ],
  },
  {
    folder: '8-use-chat',
    title: 'A chat in the browser: `useChat`',
    texts: [
      'This is the home ground of the AI SDK: its functions read what `useChat` sends. So does `readUiMessage` of BeamClaw. OpenAI Agents has a function for the stream (`@openai/agents-extensions/ai-sdk-ui`), and none for the messages. Each program is a route of a server; in Next.js, put BeamClaw behind [`lazyBeamClaw`](embedding.md).',
      'The browser sends the whole conversation each time. The AI SDK and OpenAI Agents, as they stand here, pass it on as it comes: a browser can forge what the model has said, and a repeated request is a second call of the model. BeamClaw keeps the conversation and takes only the last message, with its id as the key: a repeat gets the same run. With `resume: true` and a second route, [a reloaded page](streaming.md) joins the run; for the AI SDK, its documentation does that with a package and Redis.',
    ],
  },
]

/** What each has, in the packages that are compared. */
export const strengths: readonly { readonly name: string; readonly points: readonly string[] }[] = [
  {
    name: 'BeamClaw',
    points: [
      'With `FsStore`, a message is on disk before it is accepted, and after a crash its run continues by itself. [Guarantees](guarantees.md) lists what holds, with the tests that kill processes.',
      'Each conversation has one owner. Messages that come at the same time wait, join or interrupt ([modes](session.md)), and two processes cannot write the same journal.',
      'The same key is the same run, for a client that repeats its request and for a reader that comes back to a stream.',
      'Supervision: a session that crashes is restarted, and the others are not affected ([Supervisor](supervisor.md)).',
      'Not there yet: approvals, MCP, and models that return anything but text and tool calls.',
    ],
  },
  {
    name: 'AI SDK',
    points: [
      'Functions that keep no state between two calls. They run where a process lasts as long as one request; BeamClaw needs a process that stays, and a disk.',
      'Providers for many services; embeddings, images, speech, transcription and reranking. BeamClaw has providers for Anthropic and for Chat Completions, with text and images as input.',
      'Hooks for React, Vue, Svelte and Angular; MCP; approvals as data.',
      '`WorkflowAgent` in the package `@ai-sdk/workflow` is a durable agent on the Workflow runtime. It is another class with another set-up, and is not compared here.',
    ],
  },
  {
    name: 'OpenAI Agents',
    points: [
      'The least set-up: an agent and a call of `run`, with address and key from the environment.',
      'Approvals as data; guardrails on input, output and tools; MCP; agents with a voice; agents in a sandbox; the tools that OpenAI hosts.',
      'Traces of every run. They are sent to OpenAI unless `OPENAI_AGENTS_DISABLE_TRACING=1` is set.',
    ],
  },
]
