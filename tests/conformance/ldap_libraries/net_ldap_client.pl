# What a program on Net::LDAP does with a directory; prints JSON.
use strict;
use warnings;
use JSON::PP;
use Net::LDAP;
use Net::LDAP::Control::Paged;
use Net::LDAP::Control::Sort;
use Net::LDAP::Control::VLV;
use Net::LDAP::Constant qw(LDAP_CONTROL_PAGED);
use Net::LDAP::Extension::WhoAmI;

my ($url, $certificate, $dn, $password, $base) = @ARGV;
my $autocomplete = '(|(cn=*given4*)(mail=*given4*)(givenName=*given4*)(sn=*given4*))';

sub opened { return Net::LDAP->new($url, timeout => 60) || die "no connection: $@" }

sub bound {
    my $connection = opened();
    my $done = $connection->bind($dn, password => $password);
    die $done->error if $done->code;
    return $connection;
}

sub asked {
    my ($connection, $filter, %more) = @_;
    return $connection->search(base => $base, filter => $filter, attrs => ['mail'], %more);
}

sub mails { return [map { $_->get_value('mail') } $_[0]->entries] }

sub pages {
    my ($connection) = @_;
    my ($control, @found) = (Net::LDAP::Control::Paged->new(size => 20, critical => 1));
    while (1) {
        my $page = asked($connection, '(mail=*)', control => [$control]);
        die $page->error if $page->code;
        push @found, mails($page);
        my ($answered) = $page->control(LDAP_CONTROL_PAGED);
        my $cookie = $answered->cookie;
        return \@found unless defined $cookie && length $cookie;
        $control->cookie($cookie);
    }
}

my $bound = bound();
my $secure = opened();
die 'no TLS' if $secure->start_tls(verify => 'require', cafile => $certificate)->code;
die 'no login' if $secure->bind($dn, password => $password)->code;
my $order = Net::LDAP::Control::Sort->new(order => 'sn', critical => 1);
my $view = Net::LDAP::Control::VLV->new(before => 2, after => 3, offset => 20, content => 0, critical => 1);
my $schema = $bound->schema;

print encode_json({
    wrong => opened()->bind($dn, password => 'wrong')->code,
    written => $bound->modify($dn, replace => { userPassword => 'other' })->code,
    found => mails(asked($bound, $autocomplete, sizelimit => 100)),
    limited => asked($bound, '(mail=*)', sizelimit => 5)->code,
    pages => pages($bound),
    sorted => mails(asked($bound, '(mail=*)', control => [$order])),
    window => mails(asked($bound, '(mail=*)', control => [$order, $view])),
    base => $bound->root_dse->get_value('namingContexts'),
    attributes => [map { $schema->attribute($_)->{name} } 'mozillaSecondEmail', '2.5.4.4'],
    who => $secure->who_am_i->response,
    trusted => mails(asked($secure, '(sn=name07)')),
});
