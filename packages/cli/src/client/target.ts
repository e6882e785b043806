/** The address of the gateway: from flags, else the environment, else the configuration file, else the one of this machine. */
import { ConfigError } from '../config/config-error.ts'
import { configFile, type Environment, gatewayInFile } from '../config/load.ts'
import { settingDefaults } from '../config/settings.ts'

export interface TargetFlags {
  readonly url?: string
  readonly token?: string
  readonly config?: string
}

export interface Target {
  /** Begins with http:// or https://; without a path. */
  readonly url: string
  readonly token: string | undefined
}

/** Returns address and token of the gateway. Throws `ConfigError` for an invalid address. */
export function targetFrom(flags: TargetFlags, environment: Environment, directory: string): Target {
  const file = configFile(flags.config ?? environment.BEAMCLAW_CONFIG, directory)
  const { host, port, token } = file === undefined ? {} : gatewayInFile(file, environment)
  const ownUrl = checked(
    'configuration',
    `http://${reachable(environment.BEAMCLAW_HOST ?? host ?? settingDefaults.host)}:${environment.BEAMCLAW_PORT || port || settingDefaults.port}`,
  )
  const named = flags.url ?? (environment.BEAMCLAW_URL || undefined)
  const url = named === undefined ? ownUrl : checked(flags.url === undefined ? 'BEAMCLAW_URL' : '--url', named)
  // The token of the file is sent only to the gateway of the file.
  return { url, token: flags.token ?? (environment.BEAMCLAW_GATEWAY_TOKEN || (url === ownUrl ? token : undefined)) }
}

/** Returns a host to connect to: a wildcard address becomes the loopback address. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::' || host === '[::]') return '[::1]'
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

function checked(source: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text.replace(/^ws(s?):/, 'http$1:')) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw new ConfigError([`${source}: expected an address as http://host:port, without a user name or a query`])
  }
  return url.href.replace(/\/$/, '')
}
