"""Small replies in the manner of real devices, made up for these tests."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from miners.drivers import Address, Reading, drivers
from tests.miners.drivers.servers import Device, cgminer_device, http_device, http_reply

TIMEOUT_S = 5.0
T = TypeVar("T")

GAMMA = {
    "ASICModel": "BM1370",
    "boardVersion": "601",
    "version": "v2.14.1",
    "hashRate": 1052.25,
    "power": 17.5,
    "voltage": 5090.0,
    "temp": 58.5,
    "fanrpm": 4210,
    "sharesAccepted": 120,
    "sharesRejected": 3,
    "uptimeSeconds": 3605,
    "macAddr": "02:00:5e:10:00:01",
    "stratumURL": "pool.example",
    "stratumPort": 3333,
    "stratumUser": "worker.one",
    "fallbackStratumURL": "spare.example",
    "fallbackStratumPort": 4444,
    "fallbackStratumUser": "worker.two",
    "isUsingFallbackStratum": 0,
    "overheat_mode": 0,
    "miningPaused": False,
    "wifiPass": "do-not-keep-me",
}

Q_TEXT = (
    "'STATS':{Ver[Q-25010101_aaaa] SYSTEMSTATU[Work: In Work, Hash Board: 1] Elapsed[600] ITemp[-273] TMax[74] "
    "TAvg[71] Fan1[1900] Fan2[1950] FanR[40%] PS[0 1200 4 70 1610 2245 1700] GHSspd[88100.5] GHSavg[87000.0] "
    "SoftOFF[0] WORKMODE[1] MPO[1600] Nonce Mask[25]}"
)


def json_reply(**sections: Any) -> bytes:
    """Return a cgminer reply in JSON with these sections, ended by a NUL."""
    status = [{"STATUS": "S", "When": 12, "Code": 11, "Msg": "fine", "Description": "cgminer 4.11.1"}]
    return json.dumps({"STATUS": status, **sections, "id": 1}).encode() + b"\0"


def avalon_replies(text: str = Q_TEXT, **version: Any) -> dict[str, bytes]:
    """Return what an Avalon with this bracket text answers; a Q unless `version` says otherwise."""
    about = {
        "CGMiner": "4.11.1",
        "PROD": "Avalon Q",
        "MODEL": "Q",
        "MAC": "02005e100002",
        "VERSION": "25010101_aaaa",
    }
    totals = {"Elapsed": 610, "MHS av": 87000000.0, "MHS 5s": 88000000.0, "Accepted": 40, "Rejected": 2}
    pools = [
        {
            "POOL": 0,
            "Priority": 0,
            "Status": "Dead",
            "Stratum Active": False,
            "URL": "stratum+tcp://a.example:1",
        },
        {
            "POOL": 1,
            "Priority": 1,
            "Status": "Alive",
            "Stratum Active": True,
            "URL": "stratum+tcp://b.example:2",
            "User": "worker.q",
            "Password": "do-not-keep-me",
        },
    ]
    return {
        "version": json_reply(VERSION=[about | version]),
        "summary": json_reply(SUMMARY=[totals]),
        "estats": json_reply(STATS=[{"STATS": 0, "ID": "AVA100", "MM ID0:Summary": text}]),
        "pools": json_reply(POOLS=pools),
    }


def read(driver: str, device: Device, timeout_s: float = TIMEOUT_S) -> Reading:
    """Return what `driver` reads from `device`."""
    return drivers[driver].read(Address("127.0.0.1", device.port), time.monotonic() + timeout_s)


def read_axeos(info: Any, **paths: bytes) -> Reading:
    """Return what the axeos driver reads from a device with this /api/system/info, and this `asic`."""
    body = info if isinstance(info, bytes) else json.dumps(info).encode()
    replies = {f"/api/system/{name}": reply for name, reply in paths.items()}
    with http_device({"/api/system/info": http_reply(body), **replies}) as device:
        return read("axeos", device)


def read_cgminer(driver: str, replies: dict[str, bytes], **how: bool) -> Reading:
    """Return what `driver` reads from a device with these replies."""
    with cgminer_device(replies, **how) as device:
        return read(driver, device)


NMAXE = {
    "power": {"power": 19.25, "vbus": 5010, "ibus": 3842},
    "temps": {"vcore": 51.0, "asic": 61.5},
    "asic": {"count": 1, "model": "BM1370"},
    "miner": {
        "state": "running",
        "hashRate": 1101.5,
        "sAccepted": 77,
        "sRejected": 2,
        "uptimeSeconds": 4200,
        "uptimeEver": 99000,
    },
    "identity": {"fwVersion": "v2.8.1", "hwModel": "NMAxe", "displayName": "NMAxeGammaRev2"},
    "fans": [{"id": 0, "speed": 55, "rpm": 3300}],
    "stratum": {"url": "stratum+tcp://pool.example:3333", "user": "worker.n", "pwd": "do-not-keep-me"},
}

DASHBOARD = {
    "system": {"uptime": 7200, "shutdown": False, "boardError": 0},
    "performance": {"hashRate": 4800.5, "sharesAccepted": 900, "sharesRejected": 4},
    "power": {"watts": 77.5, "max": 100, "voltage": 11.9, "currentA": 6.5, "coreVoltageActual": 1.15},
    "thermal": {
        "asicTemp": 56.5,
        "vrTemp": 61,
        "fans": [{"speed": 60, "rpm": 2100}, {"speed": 50, "rpm": 0}],
    },
    "stratum": {
        "usingFallback": False,
        "pools": [
            {"host": "a.example", "port": 3333, "user": "worker.a"},
            {"host": "b.example", "port": 4444, "user": "worker.b", "encrypted": True},
        ],
    },
}
V2_SYSTEM = {
    "deviceModel": "NerdQAxe++",
    "asicModel": "BM1370",
    "version": "v1.1.0",
    "uptimeSeconds": 7200,
    "network": {"macAddr": "02:00:5e:10:00:04", "ssid": "home"},
}
BROADCAST = {
    "IP": "192.168.1.77",
    "BoardType": "ESP32-S3",
    "HashRate": "1.0154MH/s",
    "Share": "3/120/97.6%",
    "Temp": "49.5 ",
    "Uptime": "002d 03:04:05",
    "PoolInUse": "pool.example:3333",
    "Version": "v1.7",
}


def http_replies(**documents: Any) -> dict[str, bytes]:
    """Return HTTP answers by path, `api_v2_system` being /api/v2/system."""
    return {
        "/" + name.replace("_", "/"): http_reply(
            body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        for name, body in documents.items()
    }


def read_http(driver: str, **documents: Any) -> Reading:
    """Return what `driver` reads from a device that answers with these documents."""
    with http_device(http_replies(**documents)) as device:
        return read(driver, device)


def in_a_thread(call: Callable[..., T], *arguments: Any) -> T:
    """Return what `call` does in a thread of its own, as the collector calls drivers: browsers of tests keep a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call, *arguments).result()
