<?php
// What a program on PHP's LDAP extension does with a directory; prints JSON.
[, $url, $certificate, $dn, $password, $base] = $argv;
$autocomplete = '(|(cn=*given4*)(mail=*given4*)(givenName=*given4*)(sn=*given4*))';

function opened($url) {
    $connection = ldap_connect($url);
    ldap_set_option($connection, LDAP_OPT_PROTOCOL_VERSION, 3);
    ldap_set_option($connection, LDAP_OPT_NETWORK_TIMEOUT, 20);
    return $connection;
}

function bound($connection, $dn, $password) {
    return @ldap_bind($connection, $dn, $password) ? 0 : ldap_errno($connection);
}

function mails($connection, $base, $filter, $limit = 0, $controls = []) {
    $result = @ldap_search($connection, $base, $filter, ['mail'], 0, $limit, 0, LDAP_DEREF_NEVER, $controls);
    $entries = ldap_get_entries($connection, $result);
    return array_map(fn($at) => $entries[$at]['mail'][0], $entries['count'] ? range(0, $entries['count'] - 1) : []);
}

function pages($connection, $base) {
    $cookie = '';
    do {
        $control = ['oid' => LDAP_CONTROL_PAGEDRESULTS, 'iscritical' => true, 'value' => ['size' => 20, 'cookie' => $cookie]];
        $result = ldap_search($connection, $base, '(mail=*)', ['mail'], 0, 0, 0, LDAP_DEREF_NEVER, [$control]);
        ldap_parse_result($connection, $result, $code, $matched, $text, $referrals, $answered);
        $entries = ldap_get_entries($connection, $result);
        $pages[] = array_map(fn($at) => $entries[$at]['mail'][0], range(0, $entries['count'] - 1));
        $cookie = $answered[LDAP_CONTROL_PAGEDRESULTS]['value']['cookie'] ?? '';
    } while ($cookie !== '');
    return $pages;
}

$connection = opened($url);
bound($connection, $dn, $password);
$order = ['oid' => LDAP_CONTROL_SORTREQUEST, 'iscritical' => true, 'value' => [['attr' => 'sn']]];
$view = ['oid' => LDAP_CONTROL_VLVREQUEST, 'iscritical' => true, 'value' => ['before' => 2, 'after' => 3, 'offset' => 20, 'count' => 0]];
$found = mails($connection, $base, $autocomplete, 100);
mails($connection, $base, '(mail=*)', 5);
$limited = ldap_errno($connection);
$root = ldap_get_entries($connection, ldap_read($connection, '', '(objectClass=*)', ['namingContexts', 'subschemaSubentry']))[0];
$schema = ldap_get_entries($connection, ldap_read($connection, $root['subschemasubentry'][0], '(objectClass=subschema)', ['attributeTypes']))[0];
$attributes = array_values(array_filter(['mozillaSecondEmail', 'sn'], fn($name) => preg_grep("/ NAME (\\( )?'$name'/", $schema['attributetypes'])));
$refused = @ldap_mod_replace($connection, $dn, ['userPassword' => 'other']) ? 0 : ldap_errno($connection);
ldap_set_option(null, LDAP_OPT_X_TLS_CACERTFILE, $certificate);
ldap_set_option(null, LDAP_OPT_X_TLS_REQUIRE_CERT, LDAP_OPT_X_TLS_DEMAND);
$secure = opened($url);
if (!@ldap_start_tls($secure) || bound($secure, $dn, $password)) {
    fwrite(STDERR, 'no login over TLS');
    exit(1);
}

echo json_encode([
    'wrong' => bound(opened($url), $dn, 'wrong'),
    'written' => $refused,
    'found' => $found,
    'limited' => $limited,
    'pages' => pages($connection, $base),
    'sorted' => mails($connection, $base, '(mail=*)', 0, [$order]),
    'window' => mails($connection, $base, '(mail=*)', 0, [$order, $view]),
    'base' => $root['namingcontexts'][0],
    'attributes' => $attributes,
    'who' => ldap_exop_whoami($secure),
    'trusted' => mails($secure, $base, '(sn=name07)'),
]);
