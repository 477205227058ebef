/*
 * Networks of hosts: what may stand in `allow` and `deny`, and whom it means.
 */
#include <config.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/siphash.h"
#include "base/subnet.h"

static struct host
host(const char *text)
{
	struct host host;

	if (host_parse(&host, text) != 0)
		fail_msg("%s is no host", text);
	return host;
}

static bool
has(const char *network, const char *member)
{
	struct error error = { "" };
	struct host one = host(member);
	struct subnet subnet;

	if (subnet_parse(&subnet, network, &error) != 0)
		fail_msg("%s", error.text);
	return subnet_has(&subnet, &one);
}

static void
refuses(const char *text, const char *expected)
{
	struct error error = { "" };
	struct subnet subnet;

	assert_int_equal(subnet_parse(&subnet, text, &error), -1);
	assert_string_equal(error.text, expected);
}

static void
a_network_has_its_hosts_and_no_others(void **state PF_UNUSED)
{
	assert_true(has("10.0.0.0/8", "10.0.0.0"));
	assert_true(has("10.0.0.0/8", "10.255.255.255"));
	assert_false(has("10.0.0.0/8", "9.255.255.255"));
	assert_false(has("10.0.0.0/8", "11.0.0.0"));
	assert_true(has("192.0.2.128/25", "192.0.2.128"));
	assert_false(has("192.0.2.128/25", "192.0.2.127"));
	assert_true(has("192.0.2.4/30", "192.0.2.7"));
	assert_false(has("192.0.2.4/30", "192.0.2.8"));
	assert_true(has("2001:db8::/32", "2001:db8:ffff::1"));
	assert_false(has("2001:db8::/32", "2001:db9::1"));
	assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(has("fe80::/10", "febf::1"));
	assert_false(has("fe80::/10", "fec0::1"));
}

static void
an_address_alone_is_a_network_of_one(void **state PF_UNUSED)
{
	assert_true(has("192.0.2.1", "192.0.2.1"));
	assert_false(has("192.0.2.1", "192.0.2.0"));
	assert_true(has("192.0.2.1/32", "192.0.2.1"));
	assert_true(has("::1", "::1"));
	assert_false(has("::1", "::"));
	assert_true(has("::1/128", "0:0:0:0:0:0:0:1"));
}

static void
a_length_of_zero_is_all_of_its_kind(void **state PF_UNUSED)
{
	assert_true(has("0.0.0.0/0", "255.255.255.255"));
	assert_false(has("0.0.0.0/0", "::1"));
	assert_true(has("::/0", "ffff::1"));
	assert_true(has("::/0", "::1"));
	assert_false(has("::/0", "127.0.0.1"));
	assert_false(has("::/0", "::ffff:127.0.0.1"));
}

static void
an_ipv4_mapped_address_is_ipv4(void **state PF_UNUSED)
{
	assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
	assert_true(has("::ffff:10.0.0.0/104", "10.1.2.3"));
	assert_true(has("::ffff:10.1.2.3", "10.1.2.3"));
	assert_true(has("::ffff:0:0/96", "192.0.2.1"));
	assert_false(has("::ffff:0:0/96", "::fffe:192.0.2.1"));
	assert_false(has("::/80", "192.0.2.1"));
}

static void
what_is_no_network_is_refused(void **state PF_UNUSED)
{
	static const char *const bad[] = { "", "/", "/8", "10.0.0/8", "10.0.0.0.0", "256.0.0.1",
		"010.0.0.1", "localhost", "10.0.0.0-10.0.0.9", "[::1]", "[2001:db8::]/32", ":::1",
		"fe80::1%lo", "1:2:3:4:5:6:7:8:9", " 10.0.0.1", "10.0.0.1 ", "127.0.0.1:80",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd" };

	for (size_t i = 0; i < countof(bad); i++) {
		char expected[256];

		snprintf(expected, sizeof(expected),
			"\"%.64s\" is no network; expected an IP address, or one with a length, as "
			"in \"10.0.0.0/8\" or \"2001:db8::/32\"",
			bad[i]);
		refuses(bad[i], expected);
	}
}

static void
a_length_has_to_be_one_of_its_kind(void **state PF_UNUSED)
{
	refuses("10.0.0.0/33",
		"\"10.0.0.0/33\": \"33\" is no length of a network; expected 0 to 32");
	refuses("10.0.0.0/", "\"10.0.0.0/\": \"\" is no length of a network; expected 0 to 32");
	refuses("10.0.0.0/+8",
		"\"10.0.0.0/+8\": \"+8\" is no length of a network; expected 0 to 32");
	refuses("10.0.0.0/ 8",
		"\"10.0.0.0/ 8\": \" 8\" is no length of a network; expected 0 to 32");
	refuses("10.0.0.0/8/8",
		"\"10.0.0.0/8/8\": \"8/8\" is no length of a network; expected 0 to 32");
	refuses("10.0.0.0/255.0.0.0",
		"\"10.0.0.0/255.0.0.0\": \"255.0.0.0\" is no length of a network; expected 0 to "
		"32");
	refuses("::/129", "\"::/129\": \"129\" is no length of a network; expected 0 to 128");
}

static void
bits_behind_the_length_are_refused(void **state PF_UNUSED)
{
	refuses("10.1.0.0/8",
		"\"10.1.0.0/8\" has bits set behind its length; expected \"10.0.0.0/8\"");
	refuses("192.0.2.129/25",
		"\"192.0.2.129/25\" has bits set behind its length; expected \"192.0.2.128/25\"");
	refuses("2001:db8::1/32",
		"\"2001:db8::1/32\" has bits set behind its length; expected \"2001:db8::/32\"");
	refuses("0.0.0.1/0",
		"\"0.0.0.1/0\" has bits set behind its length; expected \"0.0.0.0/0\"");
	refuses("::1/0", "\"::1/0\" has bits set behind its length; expected \"::/0\"");
}

static void
a_host_is_taken_from_a_socket_address(void **state PF_UNUSED)
{
	struct error error = { "" };
	struct host expected = host("192.0.2.1"), got;
	struct address address;

	assert_int_equal(address_parse(&address, "192.0.2.1:80", &error), 0);
	assert_true(host_of(&got, &address));
	assert_memory_equal(&got, &expected, sizeof(got));
	assert_true(host_is_ipv4(&got));
	assert_int_equal(address_parse(&address, "[::ffff:192.0.2.1]:80", &error), 0);
	assert_true(host_of(&got, &address));
	assert_memory_equal(&got, &expected, sizeof(got));
	assert_int_equal(address_parse(&address, "[2001:db8::1]:80", &error), 0);
	assert_true(host_of(&got, &address));
	expected = host("2001:db8::1");
	assert_memory_equal(&got, &expected, sizeof(got));
	assert_false(host_is_ipv4(&got));
	assert_int_equal(address_parse(&address, "unix:/x", &error), 0);
	assert_false(host_of(&got, &address));
}

/* The paper's example (its appendix A), and the first of the authors' vectors (vectors.h). */
static void
siphash_gives_the_vectors_of_its_authors(void **state PF_UNUSED)
{
	static const struct {
		size_t size;
		uint64_t expected;
	} vectors[] = {
		{ 0, UINT64_C(0x726fdb47dd0e0e31) },
		{ 1, UINT64_C(0x74f839c593dc67fd) },
		{ 2, UINT64_C(0x0d6c8009d9a94f5a) },
		{ 3, UINT64_C(0x85676696d7fb7e2d) },
		{ 15, UINT64_C(0xa129ca6149be45e5) },
	};
	const uint64_t key[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
	uint8_t input[15];

	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)i;
	for (size_t i = 0; i < countof(vectors); i++)
		assert_true(siphash(key, input, vectors[i].size) == vectors[i].expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_has_its_hosts_and_no_others),
		cmocka_unit_test(an_address_alone_is_a_network_of_one),
		cmocka_unit_test(a_length_of_zero_is_all_of_its_kind),
		cmocka_unit_test(an_ipv4_mapped_address_is_ipv4),
		cmocka_unit_test(what_is_no_network_is_refused),
		cmocka_unit_test(a_length_has_to_be_one_of_its_kind),
		cmocka_unit_test(bits_behind_the_length_are_refused),
		cmocka_unit_test(a_host_is_taken_from_a_socket_address),
		cmocka_unit_test(siphash_gives_the_vectors_of_its_authors),
	};

	return cmocka_run_group_tests_name("networks", tests, NULL, NULL);
}
