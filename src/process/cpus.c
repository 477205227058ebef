#include <config.h>

#include "process/cpus.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu_list.h"
#include "base/log.h"
#include "config/place.h"

#define CGROUPS "/sys/fs/cgroup"

/* A version of cgroups: the files of a group that hold its quota and its period. */
struct version {
	const char *quota;
	const char *period; /* NULL: the second word of QUOTA */
};

static const struct version version_1 = { "cpu.cfs_quota_us", "cpu.cfs_period_us" };
static const struct version version_2 = { "cpu.max", NULL };

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The numbers that the file NAME of the group at FOLDER begins with: how many of two. */
static int
read_numbers(const char *folder, const char *name, long long *first, long long *second)
{
	char path[PATH_MAX];
	int found = 0;
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return 0;
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	found = fscanf(file, "%lld %lld", first, second); /* "max" is no number: no limit */
	fclose(file);
	return found;
}

/* What the group at FOLDER leaves. */
static size_t
group_quota(const struct version *version, const char *folder)
{
	long long quota = -1, period = -1, unused;
	int found = read_numbers(folder, version->quota, &quota, &period);

	if (version->period != NULL)
		found += read_numbers(folder, version->period, &period, &unused);
	if (found < 2 || quota <= 0 || period <= 0)
		return CPUS_NO_LIMIT;
	return (size_t)(quota / period + (quota % period != 0));
}

/*
 * What GROUP ("/a/b") and those above it leave, up to the one that is mounted at MOUNT. Seen from a
 * container its own group may be that one, and GROUP a name that is not there.
 */
static size_t
path_quota(const struct version *version, const char *mount, const char *group)
{
	size_t size = strlen(mount), quota = CPUS_NO_LIMIT;
	char folder[PATH_MAX];

	if (snprintf(folder, sizeof(folder), "%s%s", mount, group) >= (int)sizeof(folder))
		return CPUS_NO_LIMIT;
	while (strlen(folder) > size) {
		quota = least(quota, group_quota(version, folder));
		*strrchr(folder, '/') = '\0';
	}
	return least(quota, group_quota(version, mount));
}

/* Whether WORD is one of those that stand in LIST with commas between them. */
static bool
has_word(const char *list, const char *word)
{
	size_t size = strlen(word);

	while (list != NULL) {
		list += *list == ',';
		if (strncmp(list, word, size) == 0 && (list[size] == ',' || list[size] == '\0'))
			return true;
		list = strchr(list, ',');
	}
	return false;
}

/* Version 1 mounts CONTROLLERS together or, under a second name, each by itself. */
static size_t
controllers_quota(const char *root, const char *controllers, const char *group)
{
	const char *const names[] = { controllers, "cpu" };
	size_t quota = CPUS_NO_LIMIT;
	char mount[PATH_MAX];

	for (size_t i = 0; i < countof(names); i++) {
		int size = snprintf(mount, sizeof(mount), "%s" CGROUPS "/%s", root, names[i]);

		if (size < (int)sizeof(mount))
			quota = least(quota, path_quota(&version_1, mount, group));
	}
	return quota;
}

/* What a line of /proc/self/cgroup stands for, "NUMBER:CONTROLLERS:GROUP"; see cgroups(7). */
static size_t
line_quota(const char *root, char *line)
{
	char *controllers, *group = line, mount[PATH_MAX];

	line[strcspn(line, "\n")] = '\0';
	strsep(&group, ":");
	controllers = strsep(&group, ":");
	if (group == NULL || group[0] != '/')
		return CPUS_NO_LIMIT;
	if (has_word(controllers, "cpu"))
		return controllers_quota(root, controllers, group);
	if (controllers[0] != '\0' ||
		snprintf(mount, sizeof(mount), "%s" CGROUPS, root) >= (int)sizeof(mount))
		return CPUS_NO_LIMIT;
	return path_quota(&version_2, mount, group);
}

size_t
cpus_quota(const char *root)
{
	size_t quota = CPUS_NO_LIMIT, room = 0;
	char path[PATH_MAX], *line = NULL;
	FILE *file = NULL;

	if (snprintf(path, sizeof(path), "%s/proc/self/cgroup", root) < (int)sizeof(path))
		file = fopen(path, "re");
	if (file == NULL)
		return CPUS_NO_LIMIT;
	while (getline(&line, &room, file) > 0)
		quota = least(quota, line_quota(root, line));
	free(line);
	fclose(file);
	return quota;
}

size_t
cpus_workers(const struct config *config)
{
	size_t count = 1;
	cpu_set_t set;

	if (config->workers > 0)
		return (size_t)config->workers;
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		count = (size_t)CPU_COUNT(&set);
	return least(least(count, cpus_quota("")), CONFIG_WORKERS_MAX);
}

static int
get_mask(cpu_set_t *mask, struct error *error)
{
	if (sched_getaffinity(0, sizeof(*mask), mask) == 0)
		return 0;
	return error_errno(error, "cannot find out which CPUs there are");
}

/* Whether all CPUs of LIST are in MASK. */
static int
check_list(const char *list, const cpu_set_t *mask, struct error *error)
{
	char missing_text[CPU_LIST_TEXT_MAX], mask_text[CPU_LIST_TEXT_MAX];
	cpu_set_t set, both, missing;

	if (cpu_list_parse(&set, list, error) != 0)
		return -1;
	CPU_AND(&both, &set, mask);
	CPU_XOR(&missing, &set, &both);
	if (CPU_COUNT(&missing) == 0)
		return 0;
	cpu_list_print(&missing, missing_text);
	cpu_list_print(mask, mask_text);
	return error_set(error, "CPU %s is none that preforkd may run on; expected some of %s",
		missing_text, mask_text);
}

static bool
is_auto(const struct config_strings *lists)
{
	return strcmp(lists->items[0], CONFIG_CPUS_AUTO) == 0;
}

int
cpus_check(const struct config *config, struct error *error)
{
	const struct config_strings *lists = &config->cpu_affinity;
	cpu_set_t mask;

	if (lists->count == 0 || is_auto(lists))
		return 0;
	if (get_mask(&mask, error) != 0)
		return place_error(error, &config->cpu_affinity_place, "cpu_affinity");
	for (size_t i = 0; i < lists->count; i++) {
		if (check_list(lists->items[i], &mask, error) != 0)
			return place_error(error, &config->cpu_affinity_place, "cpu_affinity");
	}
	return 0;
}

/* Leaves of SET the one CPU at INDEX, counted round and round. */
static void
pick(cpu_set_t *set, size_t index)
{
	size_t left = index % (size_t)CPU_COUNT(set), cpu = 0;

	while (!CPU_ISSET(cpu, set) || left-- > 0)
		cpu++;
	CPU_ZERO(set);
	CPU_SET(cpu, set);
}

int
cpus_bind(const struct config *config, int number, struct error *error)
{
	const struct config_strings *lists = &config->cpu_affinity;
	size_t index = (size_t)number - 1;
	cpu_set_t set;

	if (lists->count == 0)
		return 0;
	if (get_mask(&set, error) != 0)
		return -1;
	if (is_auto(lists))
		pick(&set, index);
	else if (cpu_list_parse(&set, lists->items[index % lists->count], error) != 0)
		return -1;
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		return error_errno(error, "cannot run on the CPUs of cpu_affinity");
	return 0;
}

static int
set_policy(int policy)
{
	const struct sched_param none = { 0 };

	return sched_setscheduler(0, policy, &none);
}

/* Whoever started the server with a policy of its own wants that one. */
bool
cpus_set_batch(const struct config *config)
{
	if (config->cpu_policy != CONFIG_CPU_POLICY_BATCH || sched_getscheduler(0) != SCHED_OTHER)
		return false;
	if (set_policy(SCHED_BATCH) == 0)
		return true;
	log_warn("cannot use cpu_policy", log_str("error", strerror(errno)));
	return false;
}

void
cpus_set_eager(bool eager)
{
	(void)set_policy(eager ? SCHED_OTHER : SCHED_BATCH);
}
