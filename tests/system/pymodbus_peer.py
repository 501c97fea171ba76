#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A Modbus server that is not ours: Debian's python3-pymodbus, for the tests of `symbiont read` and `scan`.

usage: pymodbus_peer.py tcp|rtu-over-tcp PORT
Unit 3 has the registers of an Eastron SDM630, unit 7 three holding registers. It runs under Debian's Python: another one
does not see the package.
"""
import asyncio
import logging
import struct
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.server.async_io import StartAsyncTcpServer
from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer

LOAD = {0: 230.2, 2: 231.1, 4: 229.7, 6: 12.5, 8: 12.4, 10: 12.6, 12: 2589.7, 14: 2579.1, 16: 2604.8, 18: 2877.5, 20: 2865.6,
        22: 2894.2, 52: 7773.6, 56: 8637.3, 60: 1832.4, 70: 50.02, 72: 48213.4,
        74: 12.5, 200: 399.4, 202: 398.8, 204: 400.1, 206: 399.4, 224: 0.4, 234: 1.9, 236: 1.8, 238: 2.1, 240: 11.2, 242: 10.8,
        244: 12.1, 334: 1.7, 342: 48225.9}


def sdm630():
    words = [0] * 400
    for address, value in LOAD.items():
        words[address:address + 2] = struct.unpack(">HH", struct.pack(">f", value))
    return ModbusSlaveContext(ir=ModbusSequentialDataBlock(0, words), hr=ModbusSparseDataBlock({20: 5}), zero_mode=True)


def raw():
    return ModbusSlaveContext(hr=ModbusSequentialDataBlock(0, [0x4366, 0x3334, 0xFFFE]), zero_mode=True)


async def serve(kind, port):
    context = ModbusServerContext(slaves={3: sdm630(), 7: raw()}, single=False)
    framer = ModbusSocketFramer if kind == "tcp" else ModbusRtuFramer
    server = await StartAsyncTcpServer(context=context, framer=framer, address=("127.0.0.1", port), defer_start=True,
                                       ignore_missing_slaves=True, allow_reuse_address=True)
    ready = asyncio.ensure_future(server.serve_forever())
    await asyncio.sleep(0)
    await server.serving
    print("ready", flush=True)
    await ready


logging.disable(logging.CRITICAL)
asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
