import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkPlace } from '../../src/queue/sqlite/place.ts';
import type { PlaceReader } from '../../src/queue/sqlite/place.ts';

/** No network file system can be mounted here: what `statfs` says of one is the test's own. */
let folder: string;

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'sqlite-place-')));
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

const EXT4 = 0xef53;
const FUSE = 0x65735546;

function reader(type: number, mountType = 'ext4', mountPoint = folder): PlaceReader {
  return {
    typeOf: () => type,
    readMounts: () =>
      [
        '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
        `41 22 0:33 / ${mountPoint} rw,nosuid shared:9 - ${mountType} somewhere rw`,
        `42 22 0:34 / ${mountPoint}-but-longer rw - ext4 /dev/sdb1 rw`,
        '',
      ].join('\n'),
  };
}

function check(read: PlaceReader, file = path.join(folder, 'bridge.db')) {
  return checkPlace(file, read);
}

describe('a network file system', () => {
  it.each([
    { name: 'NFS', type: 0x6969 },
    { name: 'SMB', type: 0x517b },
    { name: 'CIFS', type: 0xff534d42 },
    { name: 'CIFS, with its sign', type: 0xff534d42 | 0 },
    { name: 'SMB2', type: 0xfe534d42 },
    { name: 'AFS', type: 0x5346414f },
    { name: 'AFS', type: 0x6b414653 },
    { name: 'Coda', type: 0x73757245 },
    { name: 'NCP', type: 0x564c },
    { name: 'Ceph', type: 0x00c36400 },
    { name: 'Lustre', type: 0x0bd00bd0 },
    { name: 'GPFS', type: 0x47504653 },
  ])('is refused: $name', ({ name, type }) => {
    const expected = `${folder} is on ${name.split(',')[0]}.`;
    expect(() => check(reader(type))).toThrow(
      expect.objectContaining({ code: 'STORE_PLACE_REFUSED', detail: expected }),
    );
  });

  it.each(['fuse.sshfs', 'fuse.s3fs', 'fuse.mountpoint-s3', 'fuse.glusterfs', 'fuse.rclone'])(
    'is refused: %s, by the type of its mount',
    (type) => {
      expect(() => check(reader(FUSE, type))).toThrow(`${folder} is on ${type}.`);
    },
  );

  it('is refused also below a folder that does not exist yet, and makes none', () => {
    const nested = path.join(folder, 'a', 'b', 'bridge.db');
    expect(() => check(reader(0x6969), nested)).toThrow(`${folder} is on NFS`);
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('is refused behind a symbolic link', () => {
    const link = path.join(folder, 'link');
    const real = path.join(folder, 'real');
    fs.mkdirSync(real);
    fs.symlinkSync(real, link);
    const typeOf = (place: string) => (place === real ? 0x6969 : EXT4);
    expect(() => check({ ...reader(EXT4), typeOf }, path.join(link, 'bridge.db'))).toThrow('on NFS');
  });

  it('is refused where its name has a blank', () => {
    const spaced = path.join(folder, 'my data');
    fs.mkdirSync(spaced);
    const read = reader(FUSE, 'fuse.sshfs', spaced.replaceAll(' ', String.raw`\040`));
    expect(() => check(read, path.join(spaced, 'bridge.db'))).toThrow('on fuse.sshfs');
  });
});

describe('a place to be warned of', () => {
  it.each([
    { name: 'overlay', type: 0x794c7630, danger: /lost with this container/ },
    { name: 'aufs', type: 0x61756673, danger: /lost with this container/ },
    { name: 'tmpfs', type: 0x01021994, danger: /restart of the machine/ },
    { name: 'ramfs', type: 0x858458f6, danger: /restart of the machine/ },
    { name: '9p', type: 0x01021997, danger: /network or shared/ },
    { name: 'fuse.bindfs', type: FUSE, danger: /network or shared/ },
    { name: 'virtiofs', type: FUSE, danger: /network or shared/ },
  ])('$name', ({ name, type, danger }) => {
    expect(check(reader(type, name))).toEqual({
      fileSystem: name,
      danger: expect.stringMatching(danger) as string,
    });
  });

  it('is the folder of a file that alone is on a volume: the WAL lies beside it', () => {
    const file = path.join(folder, 'bridge.db');
    fs.writeFileSync(file, '');
    const typeOf = (place: string) => (place === file ? EXT4 : 0x794c7630);
    expect(check({ ...reader(EXT4), typeOf })).toMatchObject({ fileSystem: 'overlay' });
  });
});

describe('a good place', () => {
  it.each([
    { name: 'ext4', type: EXT4 },
    { name: 'XFS', type: 0x58465342 },
    { name: 'btrfs', type: 0x9123683e },
    { name: 'ZFS', type: 0x2fc12fc1 },
  ])('$name', ({ type }) => {
    expect(check(reader(type))).toBeUndefined();
  });

  it('is a volume in a container whose own layer is overlay', () => {
    const typeOf = (place: string) => (place === folder ? EXT4 : 0x794c7630);
    expect(check({ ...reader(EXT4), typeOf })).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')('is told by the operating system itself', () => {
    expect(() => checkPlace(path.join(folder, 'bridge.db'))).not.toThrow();
    expect(checkPlace('/dev/shm/bridge.db')).toMatchObject({ fileSystem: 'tmpfs' });
  });
});
