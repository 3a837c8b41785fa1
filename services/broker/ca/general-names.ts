import { isIPv4, isIPv6 } from 'node:net';
import { ServiceError } from '@stint/common/errors.ts';
import { der, derSequence } from '@stint/common/x509/der-writer.ts';
import { sanTag } from '@stint/common/x509/leaf.ts';

/** Most DNS names and IP addresses in one certificate. */
export const hostNamesMax = 16;

const hostNameGrammar =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const tag = { uri: sanTag.uri, dnsName: 0x82, ipAddress: 0x87 } as const;

/**
 * GeneralNames: one URI, then host names in lower case and IP addresses. Source: RFC 5280 §4.2.1.6.
 * @throws ServiceError INVALID_FIELD for a host name that is not one: nothing that reads like a SPIFFE ID, a wildcard
 * or an e-mail address gets into a DNS name.
 */
export function generalNames(uri: string, hostNames: readonly string[]): Buffer {
  if (hostNames.length > hostNamesMax) throw invalid(`more than ${hostNamesMax}`);
  return derSequence(der(tag.uri, Buffer.from(uri, 'latin1')), ...hostNames.map(hostName));
}

function hostName(name: string): Buffer {
  if (isIPv4(name)) return der(tag.ipAddress, Buffer.from(name.split('.').map(Number)));
  if (isIPv6(name)) return der(tag.ipAddress, ipv6Bytes(name));
  if (hostNameGrammar.test(name)) return der(tag.dnsName, Buffer.from(name, 'latin1'));
  throw invalid('one is neither a host name in lower case nor an IP address');
}

/** The 16 bytes of an IPv6 address. Zones and embedded IPv4 addresses have no place in a certificate. */
function ipv6Bytes(address: string): Buffer {
  if (/[%.]/.test(address)) throw invalid('an IPv6 address has a zone or an embedded IPv4 address');
  const [before = [], after] = address
    .split('::')
    .map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = new Array<string>(8 - before.length - (after?.length ?? 0)).fill('0');
  const groups = after === undefined ? before : [...before, ...zeros, ...after];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function invalid(fault: string): ServiceError {
  return new ServiceError('INVALID_FIELD', `host_names: ${fault}`, { metadata: { field: 'host_names' } });
}
