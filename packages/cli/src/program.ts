/** All commands with their flags and help. The code of a command is imported when it runs. */
import { Command, Option } from 'commander'
import { starterProviders } from './commands/starter-config.ts'
import type { GatewayFlags } from './commands/with-gateway.ts'
import { nearestName } from './config/nearest-name.ts'
import { version } from './version.ts'

export function program(): Command {
  const root = new Command('beamclaw')
    .version(version)
    .description('Supervised, journalled AI agent sessions.')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`beamclaw: ${usageText(text)}\n`) })
    .showHelpAfterError('(add --help for what this command takes)')
  addGateway(root)
  addData(root)
  addTalk(root)
  return root.addHelpText(
    'after',
    '\nExit codes: 0 fine, 1 it did not work, 2 wrong usage or an invalid configuration.\nA first try: beamclaw init, beamclaw start, and from another terminal: beamclaw send "hello"',
  )
}

/** Returns commander's message about wrong usage, without its prefix. */
export function usageText(text: string): string {
  return text.replace(/^error: /, '').trimEnd()
}

/**
 * Throws commander's error for an unknown command of a group. Where a group has a command that goes without its name, commander takes the unknown name for an
 * argument of that one.
 */
export function checkSubcommand(root: Command, [name, given]: readonly string[]): void {
  const group = root.commands.find((command) => command.name() === name)
  const known = group?.commands.map((command) => command.name()) ?? []
  if (group === undefined || known.length === 0 || given === undefined || given.startsWith('-')) return
  if (known.includes(given) || given === 'help') return
  const nearest = nearestName(given, known)
  const hint = nearest === undefined ? `There are ${known.join(', ')}` : `Did you mean ${nearest}?`
  group.error(`error: unknown command '${given.slice(0, 64)}'\n(${hint})`, { code: 'commander.unknownCommand' })
}

const configText = 'configuration file (default: ./beamclaw.yaml, else ~/.config/beamclaw/config.yaml)'
const jsonText = 'print JSON for programs'
const dataText = 'directory of sessions and documents (default: as configured, else ./data)'

/** Adds the commands for the gateway of this machine. */
function addGateway(root: Command): void {
  root
    .command('start')
    .description('run the gateway; SIGTERM or Ctrl-C lets runs end first, a second one stops at once')
    .option('--config <file>', configText)
    .option('--host <host>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <port>', 'port to listen on; 0 takes any free one (default: 4000)')
    .option('--data-dir <dir>', 'directory for sessions and documents, unless they are in Redis (default: as configured, else ./data)')
    .option(
      '--workers <count>',
      'run so many processes over the data directory, or auto for one on each core but one (default: one process, no workers)',
    )
    .option(
      '--lock-wait <seconds>',
      'wait so long for another process that uses the data directory (default: 0), or for Redis (default: for ever)',
    )
    .addOption(new Option('--log-format <format>', 'how logs are printed (default: pretty)').choices(['pretty', 'json']))
    .option('--json', 'the same as --log-format json')
    .addHelpText(
      'after',
      '\nSeveral gateways share one Redis: store: redis in the configuration file, and its address in store.url or BEAMCLAW_REDIS_URL.\nEach needs a name of its own: cluster.nodeId or BEAMCLAW_NODE_ID (default: the host name).',
    )
    .action(async ({ json, ...flags }) => (await import('./commands/start.ts')).start(json ? { logFormat: 'json', ...flags } : flags))
  root
    .command('init')
    .description('write a configuration file to begin with, every part explained')
    .argument('[file]', 'where to', 'beamclaw.yaml')
    .addOption(new Option('--provider <name>', 'which model service (default: the one whose key is set)').choices(starterProviders))
    .option('--force', 'write over a file that is there')
    .option('--json', jsonText)
    .action(async (file, flags) => (await import('./commands/init.ts')).init(file, flags))
  root
    .command('config')
    .description('look at the configuration')
    .command('check')
    .description('tell whether a configuration is valid; exit code 2 and one line for each problem when it is not')
    .argument('[file]', configText)
    .option('--json', jsonText)
    .action(async (file, flags) => (await import('./commands/config-check.ts')).configCheck(file, flags))
  addMcp(root)
  root
    .command('skills')
    .description('look at the skills of the configuration')
    .command('list', { isDefault: true })
    .description('list them, with what keeps others from being used')
    .option('--config <file>', configText)
    .option('--json', jsonText)
    .action(async (flags) => (await import('./commands/skills.ts')).listSkills(flags))
  root
    .command('doctor')
    .description('look at everything a gateway needs, and say what to do; changes nothing without --repair')
    .option('--config <file>', configText)
    .option('--data-dir <dir>', dataText)
    .option('--online', 'also try the keys with the model services, and connect the servers of MCP')
    .option('--live', 'also ask each model that an agent names one small question, which costs a few tokens')
    .option('--repair', 'mend the data directory while no gateway runs: lists made anew, damaged documents set aside')
    .option('--json', jsonText)
    .action(async (flags) => (await import('./commands/doctor.ts')).doctor(flags))
}

/** Adds the commands that look at the servers of MCP in the configuration. */
function addMcp(root: Command): void {
  const group = root.command('mcp').description('servers of MCP in the configuration: list them with their tools, try one')
  group
    .command('list', { isDefault: true })
    .description('connect each, and list its tools')
    .option('--config <file>', configText)
    .option('--json', jsonText)
    .action(async (flags) => (await import('./commands/mcp.ts')).listServers(flags))
  group
    .command('test')
    .description('connect one, and tell how long it took and what is wrong; exit code 1 when it is not ready')
    .argument('<server>', 'its name in the configuration')
    .option('--config <file>', configText)
    .option('--json', jsonText)
    .action(async (server, flags) => (await import('./commands/mcp.ts')).testServer(server, flags))
}

/** Adds the commands that look into the data directory, with or without a running gateway. */
function addData(root: Command): void {
  root
    .command('backup')
    .description('copy the data directory, also while a gateway runs; the copy is there when it is whole')
    .argument('<to>', 'the directory to make')
    .option('--config <file>', configText)
    .option('--data-dir <dir>', dataText)
    .option('--json', jsonText)
    .action(async (to, flags) => (await import('./commands/backup.ts')).backup(to, flags))
  root
    .command('workers')
    .description('data directories of several processes: make one of the directory of a single process')
    .command('split')
    .description('split a data directory into the shards of workers while no gateway runs; what was there before is kept beside them')
    .option('--dry-run', 'say what would be done, also while a gateway runs, and do nothing')
    .option('--config <file>', configText)
    .option('--data-dir <dir>', dataText)
    .option('--json', jsonText)
    .action(async (flags) => (await import('./commands/workers-split.ts')).splitDirectory(flags))
  root
    .command('journal')
    .description('print what is on disk of a session, record by record, also while a gateway runs')
    .argument('<key>', 'agent:<agent>:<session>, or the last part alone')
    .option('--agent <id>', 'whose session it is (default: the first agent of the configuration)')
    .option('--tenant <id>', 'of which tenant (default: default)')
    .option('--from <number>', 'begin with the record of this number, counted from 1')
    .option('--limit <number>', 'at most so many lines')
    .option('--config <file>', configText)
    .option('--data-dir <dir>', dataText)
    .option('--json', jsonText)
    .action(async (key, flags) => (await import('./commands/journal.ts')).journal(key, flags))
}

/** Adds the commands that connect to a running gateway. */
function addTalk(root: Command): void {
  talk(root, 'status')
    .description('tell how the gateway is')
    .action(async (flags) => (await import('./commands/status.ts')).status(flags))
  talk(root, 'send')
    .description('send a message to a session and print the answer as it comes; Ctrl-C aborts the run')
    .argument('<message>', 'the text, or - to read it from standard input')
    .option('--session <key>', 'agent:<agent>:<session>, or the last part alone (default: main)')
    .option('--agent <id>', 'whose session it is (default: the first agent of the configuration)')
    .option('--idempotency-key <key>', 'sent again with the same key, a message is not run again: its answer comes back')
    .action(async (message, flags) => (await import('./commands/send.ts')).send(message, flags))
  const sessions = root.command('sessions').description('the conversations: list them, print one')
  talk(sessions, 'list', { isDefault: true })
    .description('list them')
    .option('--agent <id>', 'only those of one agent')
    .option('--owner <name>', 'only those with this owner')
    .option('--label <name>', 'only those with this label')
    .option('--prefix <key>', 'only those whose whole keys begin with this, such as agent:main:user-7:')
    .option('--active <minutes>', 'only those that changed in the last minutes')
    .addOption(
      new Option('--sort <order>', 'by key, or the last active or the newest first (default: key)').choices(['key', 'activity', 'created']),
    )
    .option('--limit <number>', 'at most so many (default: 100)')
    .option('--after <cursor>', 'the page after the one that named this cursor, with the same --sort')
    .action(async (flags) => (await import('./commands/sessions.ts')).sessions(flags))
  const conversation = 'print a conversation, oldest message first, and the runs that are not over'
  for (const command of [
    talk(sessions, 'show').description(`${conversation}; the same as history`),
    talk(root, 'history').description(conversation),
  ])
    command
      .argument('<key>', 'agent:<agent>:<session>, or the last part alone')
      .option('--limit <number>', 'the newest so many messages (default: 50)')
      .option('--before <number>', 'the page before the message with this number, counted from 0')
      .action(async (key, flags) => (await import('./commands/history.ts')).history(key, flags))
  talk(root, 'redrive')
    .description('send the message of a run that was given up once more; without a run, list those there are')
    .argument('<key>', 'agent:<agent>:<session>, or the last part alone')
    .argument('[run]', 'the run that was given up')
    .action(async (key, run, flags) => (await import('./commands/redrive.ts')).redrive(key, run, flags))
  addApprovals(root)
  addProcesses(root)
  addSubAgents(root)
  addCluster(root)
  talk(root, 'agents')
    .description('list the agents')
    .action(async (flags) => (await import('./commands/agents.ts')).agents(flags))
  talk(root, 'models')
    .description('list what may be asked for over HTTP')
    .action(async (flags) => (await import('./commands/models.ts')).models(flags))
}

/** Adds the commands that decide about calls of tools. */
function addApprovals(root: Command): void {
  const group = root.command('approvals').description('calls of tools that wait for a person: list them, and decide')
  talk(group, 'list', { isDefault: true })
    .description('list what waits')
    .action(async (flags) => (await import('./commands/approvals.ts')).listApprovals(flags))
  talk(group, 'show')
    .description('tell all that one of them would do')
    .argument('<id>', 'its id, or the first or last characters of it')
    .action(async (id, flags) => (await import('./commands/approvals.ts')).showApproval(id, flags))
  talk(group, 'approve')
    .description('let it run')
    .argument('<id>', 'its id, or the first or last characters of it')
    .addOption(
      new Option(
        '--for <reach>',
        'this call, or the same from now on in its session, for its agent, or everywhere (default: once)',
      ).choices(['once', 'session', 'agent', 'tenant']),
    )
    .action(async (id, flags) => (await import('./commands/approvals.ts')).approve(id, flags))
  talk(group, 'deny')
    .description('do not let it run')
    .argument('<id>', 'its id, or the first or last characters of it')
    .option('--reason <text>', 'what the model is told')
    .action(async (id, flags) => (await import('./commands/approvals.ts')).deny(id, flags))
  talk(group, 'grants')
    .description('list what needs no approval any more')
    .action(async (flags) => (await import('./commands/approvals.ts')).listGrants(flags))
  talk(group, 'revoke')
    .description('take one of these back')
    .argument('<grant>', 'its id')
    .action(async (grant, flags) => (await import('./commands/approvals.ts')).revoke(grant, flags))
}

/** Adds the commands that look after the background processes of tools. */
function addProcesses(root: Command): void {
  const group = root
    .command('processes')
    .description('background processes of tools: list them, read what they print, write to them, end them')
  talk(group, 'list', { isDefault: true })
    .description('list them, the latest first')
    .option('--session <key>', 'only those of one session, by its whole key')
    .option('--running', 'only those that have not ended')
    .action(async (flags) => (await import('./commands/processes.ts')).listProcesses(flags))
  talk(group, 'tail')
    .description('print the end of what one has printed')
    .argument('<id>', 'its id, such as brave-otter')
    .option('--follow', 'go on until it ends')
    .option('--bytes <number>', 'so much of the end (default: 8192)')
    .action(async (id, flags) => (await import('./commands/processes.ts')).tailProcess(id, flags))
  talk(group, 'write')
    .description('write a line to its input')
    .argument('<id>', 'its id')
    .argument('<text>', 'the line, or - to write all of standard input')
    .option('--end', 'end its input after that')
    .action(async (id, text, flags) => (await import('./commands/processes.ts')).writeProcess(id, text, flags))
  talk(group, 'kill')
    .description('end it and all its children')
    .argument('<id>', 'its id')
    .action(async (id, flags) => (await import('./commands/processes.ts')).killProcess(id, flags))
}

/** Adds the commands that look after agents in the background. */
function addSubAgents(root: Command): void {
  const group = root
    .command('subagents')
    .description('agents that others have started in the background: list them, look at them, end them')
  talk(group, 'list', { isDefault: true })
    .description('list them, the latest first; ended ones are there for a day')
    .option('--session <key>', 'only those that one session has started, by its whole key')
    .option('--running', 'only those that have not ended')
    .action(async (flags) => (await import('./commands/sub-agents.ts')).listSubAgents(flags))
  talk(group, 'show')
    .description('tell the task of one, and its answer')
    .argument('<id>', 'its id')
    .action(async (id, flags) => (await import('./commands/sub-agents.ts')).showSubAgent(id, flags))
  talk(group, 'cancel')
    .description('end it and all below it')
    .argument('<id>', 'its id')
    .action(async (id, flags) => (await import('./commands/sub-agents.ts')).cancelSubAgent(id, flags))
}

/** Adds the commands that look after the gateways over one store. */
function addCluster(root: Command): void {
  const group = root.command('cluster').description('the gateways that share a store: look at them, empty one')
  const nodes = async (flags: GatewayFlags): Promise<void> => (await import('./commands/cluster.ts')).clusterStatus(flags)
  talk(group, 'status', { isDefault: true })
    .description('list them with their sessions and load, and how many the load asks for; * is the one that answers')
    .action(nodes)
  talk(group, 'nodes').description('the same').action(nodes)
  talk(group, 'tree')
    .description('draw the supervision tree of each')
    .option('--children <number>', 'at most so many children of each supervisor (default: 10)')
    .action(async (flags) => (await import('./commands/cluster.ts')).clusterTree(flags))
  talk(group, 'drain')
    .description('have one hand its conversations to the others, before it is stopped')
    .argument('<node>', 'its id')
    .option('--force', 'also when no other node takes work: new messages are refused then until a node is started')
    .action(async (id, flags) => (await import('./commands/cluster.ts')).drainNode(id, flags))
}

function talk(root: Command, name: string, options: { readonly isDefault?: boolean } = {}): Command {
  return root
    .command(name, options)
    .option('--url <url>', "the gateway's address (default: BEAMCLAW_URL, else as configured, else http://127.0.0.1:4000)")
    .option('--token <token>', "the gateway's token; BEAMCLAW_GATEWAY_TOKEN keeps it out of the list of processes")
    .option('--config <file>', configText)
    .option('--json', jsonText)
}
