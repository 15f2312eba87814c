// SPDX-License-Identifier: BSD-2-Clause
#include "rdma/ledger.h"

#ifdef SHUNT_DEBUG

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/memory.h"
#include "base/real.h"
#include "rdma/rdma.h"

#define BLOCK 4096
#define RSOCKETS_MOST 65536	/* numbers of fds; others are left out */
#define TEXT_SIZE 8192
#define PATH_SIZE 256
#define LINE_MOST (2 * ADDR_TEXT_MAX + 80)

/* One direction of a lane: its stream's offset, and the block being summed. */
struct account {
	uint64_t offset;
	unsigned filled;
	uint32_t crc;
	size_t used;
	char text[TEXT_SIZE];	/* lines that are not in the file yet */
};

struct lane {
	char here[ADDR_TEXT_MAX], there[ADDR_TEXT_MAX];
	struct account sent, received;
};

static struct lane *_Atomic lanes[RSOCKETS_MOST];
static char prefix[PATH_SIZE];	/* of the files' names; "": none is kept */
static atomic_bool kept;

void ledger_begin(void)
{
	const char *named = getenv("SHUNT_T_LEDGER");

	if (kept || !named)
		return;
	snprintf(prefix, sizeof(prefix), "%s", named);
	atomic_store(&kept, true);
}

/* CRC-32C (RFC 3720, 12.1), four bits at a time. */
static uint32_t crc_more(uint32_t crc, const uint8_t *bytes, size_t size)
{
	static const uint32_t table[] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	for (; size > 0; size--) {
		crc ^= *bytes++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

static void flush(struct account *account)
{
	char path[PATH_SIZE + 16];
	int fd;

	if (account->used == 0)
		return;
	snprintf(path, sizeof(path), "%s.%d", prefix, (int)getpid());
	fd = real.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		return;
	(void)!real.write(fd, account->text, account->used);
	real.close(fd);
	account->used = 0;
}

static void end_block(const struct lane *lane, struct account *account)
{
	bool out = account == &lane->sent;

	if (account->used + LINE_MOST > TEXT_SIZE)
		flush(account);
	account->used += (size_t)snprintf(
		account->text + account->used, LINE_MOST,
		"%s %s %s %llu %u %08x\n", out ? lane->here : lane->there,
		out ? lane->there : lane->here, out ? "sent" : "received",
		(unsigned long long)account->offset, account->filled,
		~account->crc);
	account->offset += account->filled;
	account->filled = 0;
	account->crc = UINT32_MAX;
}

static void add(const struct lane *lane, struct account *account,
		const uint8_t *bytes, size_t size)
{
	size_t part;

	while (size > 0) {
		part = BLOCK - account->filled;
		part = part < size ? part : size;
		account->crc = crc_more(account->crc, bytes, part);
		account->filled += (unsigned)part;
		bytes += part;
		size -= part;
		if (account->filled == BLOCK)
			end_block(lane, account);
	}
}

static struct lane *lane_new(int rs)
{
	struct sockaddr_storage here, there;
	struct lane *lane;

	if (rdma_local_address(rs, &here) < 0 ||
	    rdma_peer_address(rs, &there) < 0)
		return NULL;
	lane = memory_new(sizeof(*lane));
	if (!lane)
		return NULL;
	memset(lane, 0, sizeof(*lane));
	addr_format(&here, lane->here);
	addr_format(&there, lane->there);
	lane->sent.crc = lane->received.crc = UINT32_MAX;
	return lane;
}

/* Who sends and who receives may meet here. */
static struct lane *lane_of(int rs)
{
	struct lane *lane, *none = NULL;

	if ((unsigned)rs >= RSOCKETS_MOST || !atomic_load(&kept))
		return NULL;
	lane = atomic_load(&lanes[rs]);
	if (lane)
		return lane;
	lane = lane_new(rs);
	if (!lane || atomic_compare_exchange_strong(&lanes[rs], &none, lane))
		return lane;
	memory_free(lane);
	return none;
}

void ledger_sent(int rs, const void *bytes, ssize_t n)
{
	struct lane *lane = n > 0 ? lane_of(rs) : NULL;

	if (lane)
		add(lane, &lane->sent, bytes, (size_t)n);
}

void ledger_received(int rs, const void *bytes, ssize_t n)
{
	struct lane *lane = n > 0 ? lane_of(rs) : NULL;

	if (lane)
		add(lane, &lane->received, bytes, (size_t)n);
}

static void end_account(const struct lane *lane, struct account *account)
{
	if (account->filled > 0)
		end_block(lane, account);
	flush(account);
}

void ledger_end(int rs)
{
	struct lane *lane;

	if ((unsigned)rs >= RSOCKETS_MOST)
		return;
	lane = atomic_exchange(&lanes[rs], NULL);
	if (!lane)
		return;
	end_account(lane, &lane->sent);
	end_account(lane, &lane->received);
	memory_free(lane);
}

/* The parent's lanes are the parent's to tell of. */
void ledger_after_fork(void)
{
	int rs;

	for (rs = 0; kept && rs < RSOCKETS_MOST; rs++)
		atomic_store(&lanes[rs], NULL);
}

#endif
