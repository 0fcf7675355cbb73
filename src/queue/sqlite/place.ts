/**
 * Whether a SQLite file is safe where it lies. Network file systems are refused: SQLite's locks and its shared memory
 * are not to be relied on there (sqlite.org/wal.html: "all processes using a database must be on the same host
 * computer; WAL does not work over a network filesystem"). A place that goes with the container or the machine is
 * warned of, because what was acknowledged goes with it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { BridgeError } from '../../errors.ts';

/** `statfs` types, by linux/magic.h; those of file systems that Linux does not bring (Lustre, GPFS) by coreutils' list. */
const FILE_SYSTEMS = {
  0x6969: { name: 'NFS', verdict: 'refused' },
  0x517b: { name: 'SMB', verdict: 'refused' },
  0xff534d42: { name: 'CIFS', verdict: 'refused' },
  0xfe534d42: { name: 'SMB2', verdict: 'refused' },
  0x5346414f: { name: 'AFS', verdict: 'refused' },
  0x6b414653: { name: 'AFS', verdict: 'refused' },
  0x73757245: { name: 'Coda', verdict: 'refused' },
  0x564c: { name: 'NCP', verdict: 'refused' },
  0x00c36400: { name: 'Ceph', verdict: 'refused' },
  0x0bd00bd0: { name: 'Lustre', verdict: 'refused' },
  0x47504653: { name: 'GPFS', verdict: 'refused' },
  // gVisor shows every volume as 9p, also a local disk; and a share of the host's by QEMU or WSL.
  0x01021997: { name: '9p', verdict: 'doubtful' },
  0x794c7630: { name: 'overlay', verdict: 'temporary' },
  0x61756673: { name: 'aufs', verdict: 'temporary' },
  0x01021994: { name: 'tmpfs', verdict: 'temporary' },
  0x858458f6: { name: 'ramfs', verdict: 'temporary' },
} as const satisfies Record<number, FileSystem>;

/** FUSE has one magic number for all: the mount's type says which it is. */
const FUSE_MAGIC = 0x65735546;
const NETWORK_FUSE_TYPES = new Set(
  [
    'sshfs s3fs goofys mountpoint-s3 gcsfuse blobfuse blobfuse2 rclone glusterfs ceph-fuse curlftpfs',
    'davfs moosefs mfs juicefs seaweedfs lizardfs hdfs fuse_dfs ossfs cosfs smbnetfs weka',
  ].flatMap((names) => names.split(' ')),
);

interface FileSystem {
  readonly name: string;
  readonly verdict: 'refused' | 'doubtful' | 'temporary';
}

/** What the operating system says of a place; a stand-in's in tests. */
export interface PlaceReader {
  /** `statfs`'s type of what is at the path. */
  readonly typeOf: (path: string) => number;
  /** /proc/self/mountinfo; empty where there is none. */
  readonly readMounts: () => string;
}

const LINUX: PlaceReader = {
  typeOf: (path) => fs.statfsSync(path).type,
  readMounts: () => fs.readFileSync('/proc/self/mountinfo', 'utf8'),
};

export interface PlaceWarning {
  readonly fileSystem: string;
  /** An operator's sentence. */
  readonly danger: string;
}

const DANGERS = {
  temporary:
    'The store is not on a volume: what was acknowledged is lost with this container or at a restart of the machine.',
  doubtful:
    'The store may be on a network or shared file system, where SQLite is not safe: use a local disk or PostgreSQL.',
} as const;

/**
 * Looks at the file and at its folder, where the WAL lies; the worse of the two counts. Only Linux's types are known:
 * elsewhere nothing is. Throws STORE_PLACE_REFUSED.
 */
export function checkPlace(
  file: string,
  reader: PlaceReader | undefined = process.platform === 'linux' ? LINUX : undefined,
): PlaceWarning | undefined {
  if (!reader) return undefined;
  const folder = nearestExisting(path.dirname(path.resolve(file)));
  const places = [...(fs.existsSync(file) ? [fs.realpathSync(file)] : []), folder];
  const found = places.flatMap((place) => readFileSystem(place, reader) ?? []);
  const refused = found.find(({ verdict }) => verdict === 'refused');
  if (refused) throw new BridgeError('STORE_PLACE_REFUSED', { detail: `${folder} is on ${refused.name}.` });
  for (const verdict of ['temporary', 'doubtful'] as const) {
    const one = found.find((fileSystem) => fileSystem.verdict === verdict);
    if (one) return { fileSystem: one.name, danger: DANGERS[verdict] };
  }
  return undefined;
}

function nearestExisting(folder: string): string {
  return fs.existsSync(folder) ? fs.realpathSync(folder) : nearestExisting(path.dirname(folder));
}

/** Undefined: a local disk, or nothing that is known to be dangerous. */
function readFileSystem(place: string, reader: PlaceReader): FileSystem | undefined {
  const type = reader.typeOf(place) >>> 0; // some platforms give it with its sign
  if (type !== FUSE_MAGIC) return (FILE_SYSTEMS as Readonly<Record<number, FileSystem>>)[type];
  const name = readMountType(place, reader.readMounts());
  return { name, verdict: NETWORK_FUSE_TYPES.has(name.replace(/^fuse\./, '')) ? 'refused' : 'doubtful' };
}

/** The type of the mount that holds the place: the longest mount point, and of equal ones the last (proc(5)). */
function readMountType(place: string, mounts: string): string {
  let [longest, found] = ['', 'fuse'];
  for (const line of mounts.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const mountPoint = unescapeMount(before.split(' ')[4] ?? '');
    const holds = place === mountPoint || place.startsWith(mountPoint.replace(/\/?$/, '/'));
    if (!mountPoint || !holds || mountPoint.length < longest.length) continue;
    [longest, found] = [mountPoint, after.split(' ')[0] ?? 'fuse'];
  }
  return found;
}

/** Blanks and the like stand there as octal numbers. */
function unescapeMount(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
