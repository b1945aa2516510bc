/** What an operator can do about a sink that was not notified, by the cause of the failure. One sentence each, without secrets. */

/** By the code of the error that Node or OpenSSL gives. */
const BY_CODE: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'No such host: check the host name in the URL, and the DNS of this machine.'],
  ['EAI_AGAIN', 'The DNS of this machine does not answer: check its resolver and its network.'],
  ['ECONNREFUSED', 'Nothing listens there: check that the sink runs, and the host and the port in the URL.'],
  ['ECONNRESET', 'The connection was closed without an answer: check whether the URL needs https instead of http.'],
  ['EHOSTUNREACH', 'The host cannot be reached: check routes and firewalls between this machine and the sink.'],
  ['ENETUNREACH', 'The network cannot be reached: check the network of this machine.'],
  ['ETIMEDOUT', 'Nothing answers there: check the host and the port in the URL, and firewalls in between.'],
  ['TimeoutError', 'Nothing answers there: check the host and the port in the URL, and firewalls in between.'],
  ['CERT_HAS_EXPIRED', 'The certificate of the sink has expired: renew it there.'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'The certificate is for other names: use one of them as the host in the URL.'],
  ['EPROTO', 'TLS failed: check whether the sink speaks https on this port, or needs http in the URL.'],
])

const UNTRUSTED =
  'The certificate of the sink is not trusted: set NODE_EXTRA_CA_CERTS to a file with the certificate of its authority, and restart.'

/** Codes of certificates without a known authority. */
const UNTRUSTED_CODES: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

const BY_STATUS: ReadonlyMap<number, string> = new Map([
  [401, 'Check that token_file holds a token that the sink accepts, or that the URL holds a valid secret.'],
  [403, 'Check that the sink permits this: the rights of the token, or whether the webhook was revoked.'],
  [404, 'Check the path of the URL. That of an Alertmanager is given without /api/v2/alerts.'],
  [405, 'Check the path of the URL: nothing accepts a POST there.'],
  [407, 'Something between this machine and the sink asks for a login: no proxy is used.'],
  [410, 'The webhook no longer exists: create another one.'],
  [429, 'The sink limits the rate of requests: wait, then test again.'],
])

const REDIRECT = 'Use the address that it redirects to, or add what is missing, such as https or a slash at the end.'

/** Undefined if nothing is known to help. */
export function remedyOfStatus(status: number): string | undefined {
  return status >= 300 && status < 400 ? REDIRECT : BY_STATUS.get(status)
}

/** Undefined if the error says it itself, or nothing is known to help. */
export function remedyOfError(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code } = error as NodeJS.ErrnoException
  // The code of a time-out is a number: it is a DOMException.
  const cause = typeof code === 'string' ? code : error.name
  return UNTRUSTED_CODES.has(cause) ? UNTRUSTED : BY_CODE.get(cause)
}
