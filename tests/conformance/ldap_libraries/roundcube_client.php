<?php
// What Roundcube's address book does with a directory, by its own code for LDAP; prints JSON.
[, $url, $dn, $password, $base] = $argv;
define('INSTALL_PATH', '/usr/share/roundcube/');
define('RCUBE_CONFIG_DIR', getenv('HOME') . '/');
copy('/etc/roundcube/defaults.inc.php', RCUBE_CONFIG_DIR . 'defaults.inc.php');
file_put_contents(RCUBE_CONFIG_DIR . 'config.inc.php', '<?php $config = ["log_driver" => "stdout"];');
ini_set('include_path', INSTALL_PATH . 'program/lib:/usr/share/php');
error_reporting(E_ERROR); // of an older PHP
require INSTALL_PATH . 'program/lib/Roundcube/bootstrap.php';
rcube::get_instance();

function opened($password) {
    global $url, $dn, $base;
    $book = new rcube_ldap([
        'name' => 'sharedbook', 'hosts' => [$url], 'ldap_version' => 3, 'user_specific' => false,
        'base_dn' => $base, 'bind_dn' => $dn, 'bind_pass' => $password, 'scope' => 'sub', 'sort' => 'sn', 'vlv' => true,
        'filter' => '(objectClass=inetOrgPerson)', 'search_fields' => ['mail', 'cn', 'sn', 'givenName'], 'fuzzy_search' => true,
        'fieldmap' => ['name' => 'cn', 'surname' => 'sn', 'firstname' => 'givenName', 'email' => 'mail:*'],
    ]);
    $book->set_pagesize(20);
    return $book;
}

function mails($result) {
    return array_map(fn($record) => ((array) $record['email'])[0], $result->records);
}

$book = opened($password);
foreach ([1, 2, 3] as $page) {
    $book->set_page($page);
    $pages[] = mails($book->list_records());
}
$book->set_page(1);
$found = $book->search(['name', 'email'], 'given4');

echo json_encode([
    'wrong' => opened('wrong')->ready,
    'count' => $book->list_records()->count,
    'pages' => $pages,
    'found' => mails($found),
]);
