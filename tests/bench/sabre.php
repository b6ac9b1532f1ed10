<?php
// A sabre/dav server of one address book on SQLite, for tests/bench. SABRE names the folder of its fetched sources.

$lib = $_SERVER['SABRE'];
$folders = ['Sabre\\HTTP\\' => 'http/lib/', 'Sabre\\Event\\' => 'event/lib/', 'Sabre\\Uri\\' => 'uri/lib/',
    'Sabre\\VObject\\' => 'vobject/lib/', 'Sabre\\Xml\\' => 'xml/lib/', 'Sabre\\' => 'dav/lib/',
    'Psr\\Log\\' => 'log/src/'];
spl_autoload_register(function ($class) use ($lib, $folders) {
    foreach ($folders as $prefix => $folder) {
        if (str_starts_with($class, $prefix)) {
            $file = "$lib/$folder" . str_replace('\\', '/', substr($class, strlen($prefix))) . '.php';
            if (is_file($file)) {
                require $file;
                return;
            }
        }
    }
});
foreach (['http/lib', 'uri/lib', 'event/lib/Loop', 'event/lib/Promise', 'xml/lib/Deserializer', 'xml/lib/Serializer']
    as $folder) {
    require "$lib/$folder/functions.php";
}
require "$lib/event/lib/coroutine.php";

$new = !is_file($_SERVER['DATABASE']);
$pdo = new PDO('sqlite:' . $_SERVER['DATABASE']);
$pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
$pdo->exec('PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000');
if ($new) {
    $pdo->exec('PRAGMA journal_mode = WAL');
    foreach (['addressbooks', 'principals'] as $name) {
        $pdo->exec(file_get_contents("$lib/dav/examples/sql/sqlite.$name.sql"));
    }
    $pdo->exec("INSERT INTO principals (uri, email, displayname) VALUES ('principals/alice', 'a@b.example', 'Alice')");
}
$principals = new Sabre\DAVACL\PrincipalBackend\PDO($pdo);
$cards = new Sabre\CardDAV\Backend\PDO($pdo);
if ($new) {
    $cards->createAddressBook('principals/alice', 'bench', []);
}
$server = new Sabre\DAV\Server([
    new Sabre\CalDAV\Principal\Collection($principals),
    new Sabre\CardDAV\AddressBookRoot($principals, $cards),
]);
$server->setBaseUri('/');
$password = $_SERVER['PASSWORD'];
$server->addPlugin(new Sabre\DAV\Auth\Plugin(new Sabre\DAV\Auth\Backend\BasicCallBack(
    fn ($user, $given) => $user === 'alice' && hash_equals($password, $given)
)));
$server->addPlugin(new Sabre\DAVACL\Plugin());
$server->addPlugin(new Sabre\CardDAV\Plugin());
$server->addPlugin(new Sabre\DAV\Sync\Plugin());
$server->start();
