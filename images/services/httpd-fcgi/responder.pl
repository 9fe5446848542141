# A FastCGI application for the test: answers each request with two of its
# parameters. Speaks only what it needs of the protocol, one request at a time.
use strict;
use warnings;
use IO::Socket::INET;

my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 9000, Listen => 5, ReuseAddr => 1) or die $!;

sub record { my ($type, $id, $content) = @_; return pack('CCnnCC', 1, $type, $id, length $content, 0, 0) . $content }

sub pairs {
    my ($bytes) = @_;
    my %pairs;
    while (length $bytes) {
        my @sizes;
        for (1 .. 2) {
            my $size = unpack 'C', $bytes;
            my $wide = $size > 127;
            $size = unpack('N', $bytes) & 0x7fffffff if $wide;
            substr($bytes, 0, $wide ? 4 : 1) = '';
            push @sizes, $size;
        }
        my $name = substr $bytes, 0, $sizes[0], '';
        $pairs{$name} = substr $bytes, 0, $sizes[1], '';
    }
    return \%pairs;
}

while (my $peer = $server->accept) {
    my $params = '';
    while (read $peer, my $header, 8) {
        my (undef, $type, $id, $size, $padding) = unpack 'CCnnC', $header;
        read $peer, my $content, $size + $padding if $size + $padding;
        $params .= substr $content, 0, $size if $type == 4;
        next unless $type == 5 && $size == 0;
        my $pairs = pairs($params);
        my $body = "script=$pairs->{SCRIPT_FILENAME} query=$pairs->{QUERY_STRING}\n";
        print $peer record(6, $id, "Content-Type: text/plain\r\n\r\n$body"), record(6, $id, ''), record(3, $id, "\0" x 8);
        last;
    }
    close $peer;
}
