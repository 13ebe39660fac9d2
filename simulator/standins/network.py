"""`network`: the Wi-Fi station.

Runs on CPython and on MicroPython alike.
"""

from _mcu import call as _call

__all__ = (
    "AP_IF",
    "AUTH_OPEN",
    "AUTH_OWE",
    "AUTH_WEP",
    "AUTH_WPA2_PSK",
    "AUTH_WPA2_WPA3_PSK",
    "AUTH_WPA3_PSK",
    "AUTH_WPA_PSK",
    "AUTH_WPA_WPA2_PSK",
    "STAT_ASSOC_FAIL",
    "STAT_BEACON_TIMEOUT",
    "STAT_CONNECTING",
    "STAT_CONNECT_FAIL",
    "STAT_GOT_IP",
    "STAT_HANDSHAKE_TIMEOUT",
    "STAT_IDLE",
    "STAT_NO_AP_FOUND",
    "STAT_NO_AP_FOUND_IN_AUTHMODE_THRESHOLD",
    "STAT_NO_AP_FOUND_IN_RSSI_THRESHOLD",
    "STAT_NO_AP_FOUND_W_COMPATIBLE_SECURITY",
    "STAT_WRONG_PASSWORD",
    "STA_IF",
    "WLAN",
    "country",
    "hostname",
    "ipconfig",
)

STA_IF = 0
AP_IF = 1

STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_BEACON_TIMEOUT = 200
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
STAT_ASSOC_FAIL = 203
STAT_CONNECT_FAIL = 203
STAT_HANDSHAKE_TIMEOUT = 204
STAT_NO_AP_FOUND_W_COMPATIBLE_SECURITY = 210
STAT_NO_AP_FOUND_IN_AUTHMODE_THRESHOLD = 211
STAT_NO_AP_FOUND_IN_RSSI_THRESHOLD = 212

AUTH_OPEN = 0
AUTH_WEP = 1
AUTH_WPA_PSK = 2
AUTH_WPA2_PSK = 3
AUTH_WPA_WPA2_PSK = 4
AUTH_WPA3_PSK = 6
AUTH_WPA2_WPA3_PSK = 7
AUTH_OWE = 9

_names = {"hostname": "mpy-esp32", "country": "XX", "dns": None, "prefer": 4}


def hostname(name=None):
    """The name given to DHCP."""
    if name is None:
        return _names["hostname"]
    if len(name) > 32:
        raise ValueError("hostname too long")
    _names["hostname"] = name


def country(code=None):
    """Two letters that decide which channels are allowed."""
    if code is None:
        return _names["country"]
    if len(code) != 2:
        raise ValueError("country code must be two letters")
    _names["country"] = code


def ipconfig(param=None, **settings):
    """Settings of all interfaces: dns and prefer."""
    if param is not None:
        if param == "dns" and _names["dns"] is None:
            return _call("wlan_ifconfig")[3]
        if param not in ("dns", "prefer"):
            raise ValueError("unknown config param")
        return _names[param]
    for key, value in settings.items():
        if key not in ("dns", "prefer"):
            raise ValueError("unknown config param")
        _names[key] = value


class WLAN:
    """The station; there is no access point to be here."""

    IF_STA = 0
    IF_AP = 1
    SEC_OPEN = 0
    SEC_WEP = 1
    SEC_WPA = 2
    SEC_WPA2 = 3
    SEC_WPA_WPA2 = 4
    SEC_WPA3 = 6
    SEC_WPA2_WPA3 = 7
    SEC_OWE = 9
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2
    PROTOCOL_DEFAULT = 7
    PROTOCOL_LR = 8

    _settings = {  # noqa: RUF012 - one station, whatever object asks for it
        "ssid": "",
        "channel": 0,
        "pm": 1,
        "txpower": 20,
        "protocol": 7,
    }

    def __init__(self, interface_id=0):
        if interface_id == 1:
            raise ValueError("this terminal is no access point")
        if interface_id != 0:
            raise ValueError("invalid WLAN interface identifier")

    def active(self, is_active=None):
        if is_active is None:
            return _call("wlan_active", None)
        _call("wlan_active", bool(is_active))

    def connect(self, ssid=None, password=None, *, bssid=None):
        """Start to join; `isconnected` and `status` tell how it goes.  It tries for ever unless
        `config(reconnects=n)` says otherwise.
        """
        if ssid is None:
            ssid = self._settings["ssid"]
        self._settings["ssid"] = ssid
        _call("wlan_connect", ssid, password or "")

    def disconnect(self):
        _call("wlan_disconnect")

    def isconnected(self):
        return _call("wlan_isconnected")

    def status(self, param=None):
        if param is None:
            return _call("wlan_status")
        if param == "rssi":
            return _call("wlan_rssi")
        raise ValueError("unknown status param")

    def scan(self):
        """[(ssid, bssid, channel, rssi, security, hidden)], after some two seconds."""
        return [tuple(found) for found in _call("wlan_scan")]

    def ifconfig(self, ip_mask_gateway_dns=None):
        if ip_mask_gateway_dns is not None:
            raise ValueError("addresses come from DHCP")
        return tuple(_call("wlan_ifconfig"))

    def ipconfig(self, param=None, **settings):
        """addr4 (address, mask), gw4, dhcp4, has_dhcp4; the addresses come from DHCP."""
        if param is None:
            for key, value in settings.items():
                if key != "dhcp4" or not value:
                    raise ValueError("addresses come from DHCP")
            return
        address, mask, gateway, _ = _call("wlan_ifconfig")
        if param == "addr4":
            return (address, mask)
        if param == "gw4":
            return gateway
        if param == "dhcp4":
            return True
        if param == "has_dhcp4":
            return address != "0.0.0.0"
        raise ValueError("unknown config param")

    def config(self, param=None, **settings):
        """One parameter by its name, or set some by keyword."""
        if param is None:
            for key, value in settings.items():
                self._configure(key, value)
            return
        if param == "mac":
            return _call("unique_id")
        if param == "reconnects":
            return _call("wlan_reconnects", None)
        if param == "hostname":
            return hostname()
        if param in self._settings:
            return self._settings[param]
        raise ValueError("unknown config param")

    def _configure(self, key, value):
        if key == "reconnects":
            _call("wlan_reconnects", value)
        elif key == "hostname":
            hostname(value)
        elif key in ("pm", "txpower", "protocol"):
            self._settings[key] = value
        else:
            raise ValueError("unknown config param")
