<?php
// Serves Roundcube's pages from where the package has put its files.
error_reporting(E_ERROR); // of an older PHP
define('INSTALL_PATH', '/usr/share/roundcube/');
set_include_path('/usr/share/roundcube' . PATH_SEPARATOR . '/usr/share/php');
require INSTALL_PATH . 'index.php';
