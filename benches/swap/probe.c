/* The two ends of a restart, with next to no time of their own.
 *
 *   probe build STAMPS   appends when it began and when it ended, in nanoseconds of CLOCK_MONOTONIC
 *   probe serve FILE     answers every request on $PORT with the FILE as it was at the start
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int build(const char *path) {
    long long began = now();
    FILE *file = fopen(path, "a");
    if (!file) return 1;
    fprintf(file, "%lld %lld\n", began, now());
    return fclose(file) != 0;
}

static int serve(const char *path) {
    char page[1024] = {0}, answer[2048], request[4096];
    FILE *file = fopen(path, "r");
    if (!file) return 1;
    size_t size = fread(page, 1, sizeof page - 1, file);
    fclose(file);
    int length = snprintf(answer, sizeof answer,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", size, page);
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(getenv("PORT"))), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 512)) return 1;
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        if (read(client, request, sizeof request) > 0 && write(client, answer, length) < 0) perror("write");
        close(client);
    }
}

int main(int count, char **words) {
    if (count == 3 && !strcmp(words[1], "build")) return build(words[2]);
    if (count == 3 && !strcmp(words[1], "serve")) return serve(words[2]);
    fprintf(stderr, "usage: probe build STAMPS | probe serve FILE\n");
    return 2;
}
