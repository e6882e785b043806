/** The pages of a tenant, for the tool: `Browsers` shows hosts nothing of them. */
import type { Browsers } from './browsers.ts'
import type { TenantPages } from './tenant-pages.ts'

/** Returns the pages. Throws `actor-not-running` while the part does not run in the tenant. */
export function pagesOf(browsers: Browsers, tenant?: string): TenantPages {
  return browsers.of(tenant) as TenantPages
}
