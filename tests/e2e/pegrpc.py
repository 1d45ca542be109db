#!/usr/bin/env python3
"""An independent client of Pegasus RPC, tried against real clusters (master; 2.5.0 with PEG_HP=0):
what it cannot read from a simulated server, real tools cannot either.

  pegrpc.py HOST:PORT CALL [ARGS]
  calls: info | nodes | apps | table NAME | level [N] | cli CMD [ARGS...] | replicas | propose A.P FORCE TARGET NODE TYPE [TARGET NODE TYPE]
"""
import json, os, socket, struct, sys
SEQ = 0
HP = os.environ.get('PEG_HP', '1') == '1'  # 2.x must not be sent host names, master must
def i32(v): return struct.pack('>i', v)
def s(v): b = v.encode(); return i32(len(b)) + b
def fld(t, i): return struct.pack('>bh', t, i)
def addr(a):
    if not a or a == '-': return bytes(8)
    h, p = a.rsplit(':', 1); return socket.inet_aton(h) + struct.pack('>H', int(p)) + b'\0\1'
def hp(a): h, p = a.rsplit(':', 1); return s('localhost' if h == '127.0.0.1' else h) + struct.pack('>HB', int(p), 1)  # master aborts or misroutes without these
def gpid(g): a, p = g.split('.'); return struct.pack('>II', int(p), int(a))
class R:
    def __init__(self, b): self.b, self.o = b, 0
    def take(self, n):
        if self.o + n > len(self.b): raise ValueError('short')
        r = self.b[self.o:self.o + n]; self.o += n; return r
    def u(self, f): return struct.unpack('>' + f, self.take(struct.calcsize('>' + f)))[0]
    def st(self): return self.take(self.u('i')).decode('utf8', 'replace')
    def val(self, k):
        if isinstance(k, dict): return self.struct(k)
        if isinstance(k, list): self.take(1); return [self.val(k[0]) for _ in range(self.u('i'))]
        if k == 'map': self.take(2); return {self.st(): self.st() for _ in range(self.u('i'))}
        if k == 'bool': return bool(self.u('b'))
        if k in ('i16', 'i32', 'i64'): return self.u({'i16': 'h', 'i32': 'i', 'i64': 'q'}[k])
        if k == 's': return self.st()
        if k == 'ra':
            b = self.take(8); return None if b == bytes(8) else socket.inet_ntoa(b[:4]) + ':%d' % struct.unpack('>H', b[4:6])
        if k == 'hp': h = self.st(); p = self.u('H'); self.u('b'); return '%s:%d' % (h, p)
        if k == 'gpid': p, a = self.u('I'), self.u('I'); return '%d.%d' % (a, p)
        raise KeyError(k)
    def struct(self, spec):
        out = {}
        while True:
            t = self.u('b')
            if t == 0: return out
            i = self.u('h')
            if i not in spec: raise ValueError('unknown field %d type %d in %s' % (i, t, spec))
            out[spec[i][0]] = self.val(spec[i][1])
NODE = {1: ('status', 'i32'), 2: ('node', 'ra'), 3: ('hp_node', 'hp')}
APP = {1: ('status', 'i32'), 2: ('type', 's'), 3: ('name', 's'), 4: ('id', 'i32'), 5: ('partitions', 'i32'), 6: ('envs', 'map'), 7: ('stateful', 'bool'), 8: ('rf', 'i32'),
       9: ('expire', 'i64'), 10: ('create', 'i64'), 11: ('drop', 'i64'), 12: ('dup', 'bool'), 13: ('init_pc', 'i32'), 14: ('bulk', 'bool'), 15: ('atomic', 'bool')}
PC = {1: ('pid', 'gpid'), 2: ('ballot', 'i64'), 3: ('rf', 'i32'), 4: ('primary', 'ra'), 5: ('secondaries', ['ra']), 6: ('last_drops', ['ra']), 7: ('lcd', 'i64'), 8: ('flags', 'i32'),
      9: ('hp_primary', 'hp'), 10: ('hp_secondaries', ['hp']), 11: ('hp_last_drops', ['hp'])}
REP = {1: ('pid', 'gpid'), 2: ('ballot', 'i64'), 3: ('status', 'i32'), 4: ('lcd', 'i64'), 5: ('lpd', 'i64'), 6: ('ldd', 'i64'), 7: ('type', 's'), 8: ('disk', 's'), 9: ('mc', 'i32')}
RESP = {'RPC_CM_CLUSTER_INFO': {1: ('err', 's'), 2: ('keys', ['s']), 3: ('values', ['s'])}, 'RPC_CM_LIST_NODES': {1: ('err', 's'), 2: ('infos', [NODE])},
        'RPC_CM_LIST_APPS': {1: ('err', 's'), 2: ('infos', [APP]), 3: ('hint', 's')},
        'RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX': {1: ('err', 's'), 2: ('app_id', 'i32'), 3: ('count', 'i32'), 4: ('stateful', 'bool'), 5: ('partitions', [PC])},
        'RPC_CM_CONTROL_META': {1: ('err', 's'), 2: ('old_level', 'i32')}, 'RPC_CM_PROPOSE_BALANCER': {1: ('err', 's')}, 'RPC_QUERY_REPLICA_INFO': {1: ('err', 's'), 2: ('replicas', [REP])}}
class Conn:
    def __init__(self, hp, timeout=5):
        h, p = hp.rsplit(':', 1); self.k = socket.create_connection((h, int(p)), timeout); self.k.settimeout(timeout); self.raw = None
    def call(self, code, body):
        global SEQ; SEQ += 1
        pay = struct.pack('>I', 0x80010001) + s(code) + i32(SEQ) + fld(12, 1) + body + b'\0'
        req = b'THFT' + struct.pack('>IIIII', 0, 48, 0, len(pay), 0) + struct.pack('>iiii', 0, 0, 5000, 0) + bytes(8) + pay
        self.k.sendall(req); head = self.rx(4); n = struct.unpack('>i', head)[0]; rest = self.rx(n - 4); self.raw = (req, head + rest)
        r = R(rest); err = r.st(); r.u('I'); name = r.st(); seq = r.u('i')
        if err != 'ERR_OK': return {'rpc_error': err, 'name': name, 'seq': seq, 'rest': rest[r.o:].hex()}
        t, i = r.u('b'), r.u('h')
        v = r.st() if code == 'RPC_CLI_CLI_CALL' else r.struct(RESP[code])
        assert r.u('b') == 0 and r.o == len(rest), 'trailing %s' % rest[r.o:].hex()
        return v
    def rx(self, n):
        b = b''
        while len(b) < n:
            c = self.k.recv(n - len(b))
            if not c: raise EOFError('closed after %d of %d' % (len(b), n))
            b += c
        return b
def body(call, a):
    if call == 'info': return 'RPC_CM_CLUSTER_INFO', b'\0'
    if call == 'nodes': return 'RPC_CM_LIST_NODES', fld(8, 1) + i32(0) + b'\0'
    if call == 'apps': return 'RPC_CM_LIST_APPS', fld(8, 1) + i32(int(a[0]) if a else 0) + b'\0'
    if call == 'table': return 'RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX', fld(11, 1) + s(a[0]) + fld(15, 2) + b'\x08' + i32(0) + b'\0'
    if call == 'level': return 'RPC_CM_CONTROL_META', fld(8, 1) + i32(int(a[0]) if a else 10000) + b'\0'
    if call == 'cli': return 'RPC_CLI_CLI_CALL', fld(11, 1) + s(a[0]) + fld(15, 2) + b'\x0b' + i32(len(a) - 1) + b''.join(s(x) for x in a[1:]) + b'\0'
    if call == 'replicas': return 'RPC_QUERY_REPLICA_INFO', fld(12, 1) + bytes(8) + b'\0'
    if call == 'propose':
        acts = a[2:]; l = b''
        for j in range(0, len(acts), 3): l += fld(12, 1) + addr(acts[j]) + fld(12, 2) + addr(acts[j + 1]) + fld(8, 3) + i32(int(acts[j + 2])) + (fld(12, 5) + hp(acts[j]) + fld(12, 6) + hp(acts[j + 1]) if HP else b'') + b'\0'
        return 'RPC_CM_PROPOSE_BALANCER', fld(12, 1) + gpid(a[0]) + fld(15, 2) + b'\x0c' + i32(len(acts) // 3) + l + fld(2, 3) + (b'\1' if a[1] == '1' else b'\0') + b'\0'
    raise SystemExit(__doc__)
def once(hp, call, *a, timeout=5):
    c = Conn(hp, timeout); v = c.call(*body(call, list(a))); return v, c.raw
if __name__ == '__main__':
    a = sys.argv[1:]
    if len(a) < 2: raise SystemExit(__doc__)
    v, raw = once(*a); print(json.dumps(v, indent=1, ensure_ascii=False) if not isinstance(v, str) else v)
