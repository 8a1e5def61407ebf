// SPDX-License-Identifier: MIT
/*
 * hugemapctl list, hugemapctl info
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

/* ---- list ---- */

static const char *order_names(uint64_t orders, char *buf, size_t size)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	size_t n = 0;

	buf[0] = 0;
	for (unsigned int order = 0; order < 52; order++) {
		const char *text;

		if (!(orders >> order & 1))
			continue;
		text = ctl_bytes(page << order);
		/* "1 GiB" is "1G" here. */
		n += snprintf(buf + n, size - n, "%s%.*s%c", n ? " " : "",
			      (int)strcspn(text, " "), text,
			      text[strcspn(text, " ") + 1]);
		if (n >= size)
			break;
	}
	return buf;
}

static const struct argp list_argp = {
	.doc = "The regions of this machine, from sysfs: everybody may see them.",
	.children = ctl_common,
};

int cmd_list(int argc, char **argv)
{
	struct hugemap_entry *all;
	cJSON *top, *array;
	size_t nr;
	int ret;

	ctl_parse(&list_argp, argc, argv, NULL);
	ret = hugemap_list(&all, &nr);
	if (ret == -ENOENT)
		ctl_fail(CTL_NO_DEVICE, "no region");
	if (ret)
		ctl_fail_err(ret, "/sys/class/hugemap");
	if (ctl.json) {
		top = cJSON_CreateObject();
		array = cJSON_AddArrayToObject(top, "regions");
		for (size_t i = 0; i < nr; i++) {
			const struct hugemap_entry *e = &all[i];
			cJSON *obj = cJSON_CreateObject();

			cJSON_AddItemToArray(array, obj);
			cJSON_AddStringToObject(obj, "name", e->name);
			cJSON_AddStringToObject(obj, "type", e->type);
			json_u64(obj, "size", e->size);
			json_u64(obj, "align", e->align);
			json_u64(obj, "orders", e->orders);
			json_u64(obj, "max_order", e->max_order);
			cJSON_AddBoolToObject(obj, "allow_pmd", e->allow_pmd);
			cJSON_AddStringToObject(obj, "vma", e->vma);
			cJSON_AddStringToObject(obj, "caching", e->caching);
			cJSON_AddStringToObject(obj, "device", e->device);
			cJSON_AddStringToObject(obj, "card", e->card);
			cJSON_AddStringToObject(obj, "render", e->render);
		}
		json_print(top);
	} else {
		printf("%-12s %-9s %-10s %-13s %-8s %-13s %s\n", "REGION", "TYPE",
		       "SIZE", "PAGES", "CACHING", "DEVICE", "DRM");
		for (size_t i = 0; i < nr; i++) {
			const struct hugemap_entry *e = &all[i];
			char orders[64];

			printf("%-12s %-9s %-10s %-13s %-8s %-13s %s\n", e->name,
			       e->type, ctl_bytes(e->size),
			       order_names(e->orders, orders, sizeof(orders)),
			       e->caching, e->device,
			       e->render[0] ? e->render : "-");
		}
	}
	free(all);
	return CTL_OK;
}

/* ---- info ---- */

static const struct {
	uint64_t bit;
	const char *name;
} features[] = {
	{ HUGEMAP_FEATURE_PAGES, "pages" },
	{ HUGEMAP_FEATURE_DAX_GATE, "dax-gate" },
	{ HUGEMAP_FEATURE_SPECIAL, "special" },
	{ HUGEMAP_FEATURE_THP_POLICY, "thp-policy" },
	{ HUGEMAP_FEATURE_MEMORY_FAILURE, "memory-failure" },
	{ HUGEMAP_FEATURE_CORE_SPLIT, "core-split" },
	{ HUGEMAP_FEATURE_CORE_WALK, "core-walk" },
	{ HUGEMAP_FEATURE_CORE_MREMAP, "core-mremap" },
	{ HUGEMAP_FEATURE_CORE_FORK, "core-fork" },
	{ HUGEMAP_FEATURE_CORE_COLLAPSE, "core-collapse" },
};

static error_t parse_info(int key, char *arg, struct argp_state *state)
{
	return ctl_parse_where(key, arg, state, state->input);
}

static const struct argp info_argp = {
	.parser = parse_info,
	.args_doc = "TARGET",
	.doc = "What a region (hugemap1), the region of a DRM device "
		"(renderD128:0) or the object of 'alloc' is, and the counters of "
		"the region (root).",
	.children = ctl_common,
};

static const char *not_why(const struct hugemap_info *info, unsigned int order,
			   uint32_t why)
{
	return info->orders >> order & 1 ? "yes" : hugemap_why_name(why);
}

static void info_json(const struct ctl_target *t,
		      const struct hugemap_counts *pages, unsigned int extents,
		      const struct hugemap_stat *stats, size_t nr)
{
	const struct hugemap_info *i = &t->info;
	cJSON *top = cJSON_CreateObject(), *obj;

	cJSON_AddStringToObject(top, "target", t->name);
	json_u64(top, "node", i->node);
	json_u64(top, "region", i->region);
	json_u64(top, "regions", i->nr_regions);
	cJSON_AddStringToObject(top, "type", hugemap_type_name(i->type));
	cJSON_AddStringToObject(top, "caching", hugemap_caching_name(i->caching));
	cJSON_AddStringToObject(top, "vma", i->vma == 2 ? "mixedmap" : "pfnmap");
	json_u64(top, "size", i->size);
	json_u64(top, "free", i->free);
	json_u64(top, "align", i->align);
	json_u64(top, "orders", i->orders);
	json_u64(top, "pmd_order", i->pmd_order);
	json_u64(top, "pud_order", i->pud_order);
	cJSON_AddStringToObject(top, "pmd_why", hugemap_why_name(i->pmd_why));
	cJSON_AddStringToObject(top, "pud_why", hugemap_why_name(i->pud_why));
	obj = cJSON_AddArrayToObject(top, "features");
	for (size_t f = 0; f < ARRAY_SIZE(features); f++)
		if (i->features & features[f].bit)
			cJSON_AddItemToArray(obj,
					     cJSON_CreateString(features[f].name));
	if (pages) {
		obj = cJSON_AddObjectToObject(top, "object");
		json_u64(obj, "size", hugemap_size(t->mem));
		json_u64(obj, "extents", extents);
		json_pages(obj, "pages", pages);
	}
	if (stats) {
		obj = cJSON_AddObjectToObject(top, "stats");
		for (size_t s = 0; s < nr; s++)
			json_u64(obj, stats[s].name, stats[s].value);
	}
	json_print(top);
}

int cmd_info(int argc, char **argv)
{
	struct hugemap_stat *stats = NULL;
	const struct hugemap_info *i;
	struct hugemap_counts pages;
	unsigned int extents = 0;
	struct ctl_where where = { .name = NULL };
	bool object = false;
	struct ctl_target t;
	size_t nr = 0;

	ctl_parse(&info_argp, argc, argv, &where);
	ctl_open(&t, where.name, O_RDONLY);
	i = &t.info;
	if (t.mem && !hugemap_is_node(t.hm)) {
		int ret = hugemap_layout(t.mem, &pages, &extents);

		if (ret)
			ctl_fail_err(ret, "%s: GEM_INFO", t.name);
		object = true;
	}
	/* They are for root. */
	hugemap_region_stats(i->node, &stats, &nr);
	if (ctl.json) {
		info_json(&t, object ? &pages : NULL, extents, stats, nr);
		goto out;
	}
	printf("region      hugemap%u (region %u of %u)\n", i->node, i->region,
	       i->nr_regions);
	printf("type        %s, %s\n", hugemap_type_name(i->type),
	       hugemap_caching_name(i->caching));
	printf("size        %s, %s not in objects\n", ctl_bytes(i->size),
	       ctl_bytes(i->free));
	printf("pages       %s\n", ctl_orders(i));
	printf("%-11s %s\n", ctl_bytes(ctl_order_bytes(i, i->pud_order)),
	       not_why(i, i->pud_order, i->pud_why));
	printf("%-11s %s\n", ctl_bytes(ctl_order_bytes(i, i->pmd_order)),
	       not_why(i, i->pmd_order, i->pmd_why));
	printf("align       %s\n", ctl_bytes(i->align));
	printf("mappings    %s\n", i->vma == 2 ? "VM_MIXEDMAP" : "VM_PFNMAP");
	printf("features   ");
	for (size_t f = 0; f < ARRAY_SIZE(features); f++)
		if (i->features & features[f].bit)
			printf(" %s", features[f].name);
	putchar('\n');
	if (object)
		printf("object      %s in %u piece%s: %" PRIu64 " x 1G, %" PRIu64
		       " x 2M, %" PRIu64 " x 4K\n",
		       ctl_bytes(hugemap_size(t.mem)), extents,
		       extents == 1 ? "" : "s", pages.pud, pages.pmd, pages.pte);
	for (size_t s = 0; s < nr; s++)
		if (stats[s].value)
			printf("  %-24s %" PRIu64 "\n", stats[s].name,
			       stats[s].value);
out:
	free(stats);
	ctl_close(&t);
	return CTL_OK;
}
