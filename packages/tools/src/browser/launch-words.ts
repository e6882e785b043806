/** How Chromium is started: its arguments and its environment. */

/** Arguments that keep every connection in the proxy, and Chromium from doing anything that no page asked for. */
export const chromiumArguments: readonly string[] = [
  // Without a lookup of its own, a connection past the proxy finds no host; the proxy itself is an address.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  '--dns-prefetch-disable',
  '--disable-quic',
  '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-extensions',
  '--disable-sync',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--no-pings',
  '--mute-audio',
  // Of one page; what a tenant's pages take together is watched.
  '--js-flags=--max-old-space-size=512',
]

/** The library's own arguments that are left out: pages open windows only when something was clicked. */
export const unwantedArguments: readonly string[] = ['--disable-popup-blocking']

/** The variables of Chromium, with a home folder of its own. Of the host's environment, which may hold secrets, it gets nothing that is not listed here. */
export function chromiumEnvironment(mark: string, home: string): Record<string, string> {
  const { LANG = 'C.UTF-8', TZ, TMPDIR } = process.env
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: home,
    LANG,
    ...(TZ === undefined ? {} : { TZ }),
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    BEAMCLAW_COMMAND: mark,
  }
}

/** Chromium cannot contain its pages as root, and does not start unless its own sandbox is turned off. */
export function canContainPages(): boolean {
  return process.getuid?.() !== 0
}
