// Linked with all of one library and what it may use.
int main() {}
