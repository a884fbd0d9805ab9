/*
 * The floor: a minimal relay. It reads the event socket with the same filters as telesetd, finds the three moments of a call
 * by searching the text of a frame, and posts prepared XML with the call's id, over a new connection for each POST, as
 * telesetd does. It waits for the answer before it reads on.
 * It does not parse JSON, keep state, write to disk, retry, serve callouts, reconnect, or validate its input.
 *
 * floor ESL_PORT CRM_PORT DOMAIN EXTENSION...
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { longest = 1 << 20 };

static const char *domain;
static struct sockaddr_in crm;
/* Our extensions, of up to five digits. */
static char ours[100000];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int dial(const struct sockaddr_in *to) {
  int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) < 0) die("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static struct sockaddr_in loopback(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void send_all(int fd, const char *text, size_t length) {
  while (length > 0) {
    ssize_t sent = write(fd, text, length);
    if (sent <= 0) die("write");
    text += sent, length -= (size_t)sent;
  }
}

/* Copies the string value of a JSON header, such as "Unique-ID":"...". */
static int value_of(const char *frame, const char *key, char *into, size_t room) {
  const char *begin = strstr(frame, key);
  if (begin == NULL) return 0;
  begin += strlen(key);
  const char *end = strchr(begin, '"');
  if (end == NULL || (size_t)(end - begin) >= room) return 0;
  memcpy(into, begin, (size_t)(end - begin));
  into[end - begin] = 0;
  return 1;
}

static void post(const char *body, size_t length) {
  char request[2048], answer[4096];
  int size = snprintf(request, sizeof request,
                      "POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: text/xml; charset=utf-8\r\n"
                      "Content-Length: %zu\r\nConnection: close\r\n\r\n%.*s",
                      ntohs(crm.sin_port), length, (int)length, body);
  int fd = dial(&crm);
  send_all(fd, request, (size_t)size);
  while (read(fd, answer, sizeof answer) > 0) {}
  close(fd);
}

static void on_event(const char *frame) {
  char name[64], presence[128], id[64], number[64], body[1024];
  if (!value_of(frame, "\"Event-Name\":\"", name, sizeof name)) return;
  int ring = strcmp(name, "CHANNEL_PROGRESS") == 0, answer = strcmp(name, "CHANNEL_ANSWER") == 0;
  if (!ring && !answer && strcmp(name, "CHANNEL_HANGUP") != 0) return;
  if (!value_of(frame, "\"Channel-Presence-ID\":\"", presence, sizeof presence)) return;
  char *at = strchr(presence, '@');
  if (at == NULL || strcmp(at + 1, domain) != 0) return;
  int extension = atoi(presence);
  if (extension <= 0 || extension > 99999 || !ours[extension]) return;
  if (!value_of(frame, "\"Unique-ID\":\"", id, sizeof id)) return;
  int length;
  if (ring) {
    if (!value_of(frame, "\"Caller-Caller-ID-Number\":\"", number, sizeof number)) return;
    length = snprintf(body, sizeof body,
                      "<CCTSDK><event name=\"ScreenPop\"><data name=\"occtSourceID\" value=\"%s\"></data>"
                      "<data name=\"occtANI\" value=\"%s\"></data><data name=\"occtDNIS\" value=\"%d\"></data></event></CCTSDK>",
                      id, number, extension);
  } else {
    length = snprintf(body, sizeof body,
                      "<CCTSDK><event name=\"%s\"><data name=\"occtSourceID\" value=\"%s\"></data></event></CCTSDK>",
                      answer ? "CallEstablished" : "CallReleased", id);
  }
  post(body, (size_t)length);
}

/* Reads one frame into `frame`, headers and body; the buffer keeps further bytes. */
static void next_frame(int fd, char *frame) {
  static char buffer[longest];
  static size_t have = 0;
  for (;;) {
    buffer[have] = 0;
    char *end = strstr(buffer, "\n\n");
    if (end != NULL) {
      char *length = strstr(buffer, "Content-Length: ");
      size_t whole = (size_t)(end + 2 - buffer) + (length != NULL && length < end ? strtoul(length + 16, NULL, 10) : 0);
      if (whole >= longest) exit(1);
      if (have >= whole) {
        memcpy(frame, buffer, whole);
        frame[whole] = 0;
        memmove(buffer, buffer + whole, have -= whole);
        return;
      }
    }
    ssize_t got = read(fd, buffer + have, longest - 1 - have);
    if (got <= 0) exit(0);
    have += (size_t)got;
  }
}

static void command(int fd, const char *text, char *frame) {
  send_all(fd, text, strlen(text));
  do next_frame(fd, frame);
  while (strstr(frame, "command/reply") == NULL);
}

int main(int argc, char **argv) {
  static char frame[longest], text[512];
  if (argc < 5) return 2;
  struct sockaddr_in eventsocket = loopback(argv[1]);
  crm = loopback(argv[2]);
  domain = argv[3];
  int fd = dial(&eventsocket);
  next_frame(fd, frame);
  command(fd, "auth ClueCon\n\n", frame);
  for (int i = 4; i < argc; i++) {
    int extension = atoi(argv[i]);
    if (extension > 0 && extension <= 99999) ours[extension] = 1;
    const char *headers[] = {"Channel-Presence-ID %s@%s", "from-user %s", "user %s", "to-user %s", "CC-Agent %s@default"};
    for (int j = 0; j < 5; j++) {
      size_t used = (size_t)sprintf(text, "filter ");
      used += (size_t)snprintf(text + used, sizeof text - used - 3, headers[j], argv[i], domain);
      strcpy(text + used, "\n\n");
      command(fd, text, frame);
    }
  }
  command(fd, "filter Event-Name HEARTBEAT\n\n", frame);
  command(fd, "filter Event-Name SHUTDOWN\n\n", frame);
  command(fd,
          "event json CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_CALLSTATE CHANNEL_ANSWER CHANNEL_BRIDGE "
          "CHANNEL_UNBRIDGE CHANNEL_HOLD CHANNEL_UNHOLD CALL_UPDATE CHANNEL_UUID CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE "
          "CHANNEL_DESTROY BACKGROUND_JOB HEARTBEAT SHUTDOWN CUSTOM sofia::register sofia::unregister sofia::expire "
          "callcenter::info\n\n",
          frame);
  puts("the floor runs");
  fflush(stdout);
  for (;;) {
    next_frame(fd, frame);
    on_event(frame);
  }
}
