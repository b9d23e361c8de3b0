/* Usage: map-write FILE. Writes `X` over the first byte through a shared mapping: inotify tells of no such write. */
#include <fcntl.h>
#include <sys/mman.h>

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  int fd = open(argv[1], O_RDWR);
  if (fd < 0) return 1;
  char *byte = mmap(0, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (byte == MAP_FAILED) return 1;
  *byte = 'X';
  return msync(byte, 1, MS_SYNC) == 0 ? 0 : 1;
}
