"""A DNS client of one's own, tested against a server that misbehaves."""

import unittest

from client import NoAnswer, addresses
from stub import Stub


class Failover(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dns = Stub()
        cls.addClassCleanup(cls.dns.close)

    def setUp(self):
        self.dns.clear()
        self.servers = [(self.dns.host, self.dns.port)]

    def test_addresses(self):
        self.dns.set("api.internal", "A", "192.0.2.1", "192.0.2.2")
        self.assertEqual(["192.0.2.1", "192.0.2.2"], sorted(addresses("api.internal", self.servers)))

    def test_a_lost_query_is_sent_again(self):
        self.dns.set("api.internal", "A", "192.0.2.1")
        self.dns.fail("api.internal", "timeout", times=1)
        self.assertEqual(["192.0.2.1"], addresses("api.internal", self.servers))
        self.assertEqual(2, len(self.dns.queries(name="api.internal")))

    def test_a_forged_reply_is_not_believed(self):
        self.dns.set("api.internal", "A", "192.0.2.1")
        self.dns.fail("api.internal", "wrongId", times=1)
        self.assertEqual(["192.0.2.1"], addresses("api.internal", self.servers))

    def test_the_second_server_is_asked(self):
        self.dns.set("api.internal", "A", "192.0.2.1")
        with Stub() as broken:
            broken.fail("*", "SERVFAIL")
            self.assertEqual(["192.0.2.1"], addresses("api.internal", [(broken.host, broken.port), *self.servers]))
            self.assertEqual("SERVFAIL", broken.queries()[0]["answeredWith"])

    def test_no_server_answers(self):
        self.dns.fail("*", "REFUSED")
        with self.assertRaises(NoAnswer):
            addresses("api.internal", self.servers)

    def test_a_name_that_does_not_exist(self):
        self.assertEqual([], addresses("nothing.internal", self.servers))

    def test_a_mistake_says_what_was_expected(self):
        with self.assertRaisesRegex(ValueError, "192.0.2.300"):
            self.dns.set("api.internal", "A", "192.0.2.300")


if __name__ == "__main__":
    unittest.main()
