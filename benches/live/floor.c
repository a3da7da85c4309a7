/* The floor: the least a live server can take. It answers every request with an empty page, watches a folder with inotify, and
   sends one websocket frame to every socket for each file that is complete (closed after writing, or renamed over).

     floor ROOT PORT

   Watching begins in a thread behind the first answer, without node_modules. Absent is all that makes a server: nothing is read,
   compared, merged or checked, and the handshake names no accept key. */
#define _GNU_SOURCE
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS 16384
#define PATH 4096

static int inotify, sockets[SOCKETS], open_sockets;

static void watch(char *path, size_t length) {
  inotify_add_watch(inotify, path, IN_CLOSE_WRITE | IN_MOVED_TO);
  DIR *folder = opendir(path);
  if (!folder) return;
  for (struct dirent *entry; (entry = readdir(folder));) {
    size_t more = strlen(entry->d_name) + 1;
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || !strcmp(entry->d_name, "node_modules")) continue;
    if (length + more >= PATH) continue;
    path[length] = '/';
    memcpy(path + length + 1, entry->d_name, more);
    watch(path, length + more);
    path[length] = 0;
  }
  closedir(folder);
}

static void *watch_all(void *root) {
  char path[PATH];
  snprintf(path, sizeof path, "%s", (char *)root);
  watch(path, strlen(path));
  return NULL;
}

static void answer(int listener) {
  static const char upgraded[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  static const char page[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  char request[PATH];
  int yes = 1, fd = accept(listener, NULL, NULL);
  if (fd < 0) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (recv(fd, request, sizeof request, 0) > 8 && !memcmp(request, "GET /ws ", 8) && open_sockets < SOCKETS) {
    send(fd, upgraded, sizeof upgraded - 1, MSG_NOSIGNAL);
    sockets[open_sockets++] = fd;
  } else {
    send(fd, page, sizeof page - 1, MSG_NOSIGNAL);
    close(fd);
  }
}

static void tell(const char *file) {
  char frame[2 + 125];
  int size = snprintf(frame + 2, sizeof frame - 2, "%s", file);
  if (size > 124) size = 124;
  frame[0] = (char)0x81;
  frame[1] = (char)size;
  for (int i = 0; i < open_sockets;) {
    if (send(sockets[i], frame, size + 2, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
      i++;
    } else {
      close(sockets[i]);
      sockets[i] = sockets[--open_sockets];
    }
  }
}

static void hear(void) {
  char events[65536] __attribute__((aligned(8)));
  ssize_t size = read(inotify, events, sizeof events);
  for (ssize_t at = 0; at < size;) {
    struct inotify_event *event = (struct inotify_event *)(events + at);
    if (event->len && event->name[0] != '.') tell(event->name);
    at += sizeof *event + event->len;
  }
}

int main(int count, char **arguments) {
  pthread_t watching;
  int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  if (count != 3) return 2;
  inotify = inotify_init1(IN_CLOEXEC);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(atoi(arguments[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) return 1;
  if (pthread_create(&watching, NULL, watch_all, arguments[1])) return 1;
  struct pollfd ready[2] = {{.fd = inotify, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
  while (poll(ready, 2, -1) >= 0) {
    if (ready[0].revents) hear();
    if (ready[1].revents) answer(listener);
  }
}
