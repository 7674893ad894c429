/*
 * The program that conformance Pods run.
 *   agent serve PORT...     HTTP and UDP on each port; HTTP answers what it was asked, UDP answers the host name
 *   agent udp HOST PORT     asks by UDP and prints the answer; exit code 1 after two seconds of silence
 * HTTP: GET /hostname, GET /log (the paths asked for so far), GET /fail after a GET /break answers 500; anything else answers METHOD PATH.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_PORTS 8

static char host[256], paths[65536];
static int broken;

static int bound(int type, int port) {
    int fd = socket(AF_INET, type, 0), one = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = INADDR_ANY};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || (type == SOCK_STREAM && listen(fd, 64) != 0)) {
        perror("bind");
        exit(1);
    }
    return fd;
}

static void answer(int fd) {
    char in[16384], body[66000], out[67000], method[32] = "", path[2048] = "";
    struct timeval limit = {2, 0};
    size_t have = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    while (have < sizeof in - 1) {
        ssize_t got = read(fd, in + have, sizeof in - 1 - have);
        if (got <= 0) break;
        have += got;
        in[have] = 0;
        if (strstr(in, "\r\n\r\n")) break;
    }
    in[have] = 0;
    if (sscanf(in, "%31s %2047s", method, path) != 2) return;
    if (strcmp(path, "/log") != 0 && strlen(paths) + strlen(path) + 2 < sizeof paths) {
        strcat(paths, path);
        strcat(paths, "\n");
    }
    if (strcmp(path, "/break") == 0) broken = 1;
    int code = strcmp(path, "/fail") == 0 && broken ? 500 : strcmp(path, "/redirect") == 0 ? 301 : 200;
    if (strcmp(path, "/hostname") == 0) snprintf(body, sizeof body, "%s", host);
    else if (strcmp(path, "/log") == 0) snprintf(body, sizeof body, "%s", paths);
    else snprintf(body, sizeof body, "%s %s", method, path);
    int length = snprintf(out, sizeof out, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n%s", code, strlen(body),
                          code == 301 ? "Location: /hostname\r\n" : "", strcmp(method, "HEAD") == 0 ? "" : body);
    for (int at = 0; at < length;) {
        ssize_t put = write(fd, out + at, length - at);
        if (put <= 0) return;
        at += put;
    }
    shutdown(fd, SHUT_WR);
}

static void serve(int count, char **ports) {
    struct pollfd fds[2 * MAX_PORTS];
    for (int i = 0; i < count; i++) {
        fds[2 * i] = (struct pollfd){bound(SOCK_STREAM, atoi(ports[i])), POLLIN, 0};
        fds[2 * i + 1] = (struct pollfd){bound(SOCK_DGRAM, atoi(ports[i])), POLLIN, 0};
    }
    puts("serving");
    fflush(stdout);
    for (;;) {
        if (poll(fds, 2 * count, -1) < 0) continue;
        for (int i = 0; i < count; i++) {
            if (fds[2 * i].revents) {
                int fd = accept(fds[2 * i].fd, NULL, NULL);
                if (fd >= 0) {
                    answer(fd);
                    close(fd);
                }
            }
            if (fds[2 * i + 1].revents) {
                char in[2048];
                struct sockaddr_in from;
                socklen_t size = sizeof from;
                if (recvfrom(fds[2 * i + 1].fd, in, sizeof in, 0, (struct sockaddr *)&from, &size) >= 0)
                    sendto(fds[2 * i + 1].fd, host, strlen(host), 0, (struct sockaddr *)&from, size);
            }
        }
    }
}

static int udp(const char *to, int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit = {2, 0};
    char in[2048];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (inet_pton(AF_INET, to, &at.sin_addr) != 1 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0 || write(fd, "hostname", 8) != 8) return 1;
    ssize_t got = read(fd, in, sizeof in - 1);
    if (got < 0) return 1;
    in[got] = 0;
    puts(in);
    return 0;
}

int main(int argc, char **argv) {
    gethostname(host, sizeof host - 1);
    if (argc >= 3 && argc <= MAX_PORTS + 2 && strcmp(argv[1], "serve") == 0) serve(argc - 2, argv + 2);
    if (argc == 4 && strcmp(argv[1], "udp") == 0) return udp(argv[2], atoi(argv[3]));
    fputs("agent serve PORT... | agent udp HOST PORT\n", stderr);
    return 2;
}
