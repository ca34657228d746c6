<?php
// What Roundcube does with a mailbox, through its own storage class, over TLS: arguments are port, login, password, directory of Roundcube.
// Ends with 0 if all of it was as it should be.

[, $port, $login, $password, $roundcube] = $argv;

define('INSTALL_PATH', $roundcube . '/');
define('RCUBE_INSTALL_PATH', INSTALL_PATH);
define('RCUBE_CONFIG_DIR', sys_get_temp_dir() . '/');
define('RCUBE_LOCALIZATION_DIR', INSTALL_PATH . 'program/localization/');
require INSTALL_PATH . 'program/lib/Roundcube/bootstrap.php';

function check($what, $ok)
{
    if (!$ok) {
        fwrite(STDERR, "$what\n");
        exit(1);
    }
}

$rcube = rcube::get_instance();
$imap = new rcube_imap();
$imap->set_options([
    'auth_type' => null,
    'socket_options' => ['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]],
]);
check('login', $imap->connect('127.0.0.1', $login, $password, (int) $port, 'ssl'));
foreach (['LIST-EXTENDED', 'LIST-STATUS', 'METADATA', 'SORT', 'THREAD', 'QUOTA', 'UIDPLUS', 'MOVE', 'CONDSTORE'] as $word) {
    check("capability $word", $imap->get_capability($word));
}

check('create', $imap->create_folder('Roundcube/Entw&APw-rfe', true));
check('create', $imap->create_folder('Elsewhere', true));
check('list', in_array('Roundcube/Entw&APw-rfe', $imap->list_folders_direct()));
check('subscribed', in_array('Roundcube/Entw&APw-rfe', $imap->list_folders_subscribed_direct()));

for ($number = 1; $number <= 12; $number++) {
    $message = "From: a@example.net\r\nSubject: number $number\r\nDate: Mon, " . sprintf('%02d', $number)
        . " Jun 2026 10:00:00 +0000\r\nMessage-ID: <$number@example.net>\r\n"
        . ($number > 1 ? "References: <1@example.net>\r\n" : '') . "\r\nBody $number.\r\n";
    check('append', $imap->save_message('Roundcube/Entw&APw-rfe', $message, '', false, $number % 2 ? ['SEEN'] : []));
}
$folder = 'Roundcube/Entw&APw-rfe';
$imap->set_folder($folder);
check('count', $imap->count($folder, 'ALL', true) === 12);
check('unseen', $imap->count($folder, 'UNSEEN', true) === 6);

$imap->set_pagesize(5);
$subjects = fn ($list) => array_values(array_map(fn ($header) => $header->subject, $list));
check('newest first', $subjects($imap->list_messages($folder, 1, 'date', 'DESC'))
    === ['number 12', 'number 11', 'number 10', 'number 9', 'number 8']);
check('second page', $subjects($imap->list_messages($folder, 2, 'date', 'DESC'))[0] === 'number 7');
$found = $imap->search_once($folder, 'HEADER SUBJECT "number 3"');
check('search', $found->get() == [3]);
check('threads', $imap->threads_direct($folder)->count() === 1);

$message = $imap->get_message(5, $folder);
check('message', $message->subject === 'number 5' && $message->flags['SEEN']);
check('body', trim($imap->get_raw_body(5)) !== '' && strpos($imap->get_raw_body(5), 'Body 5.') !== false);
check('flag', $imap->set_flag([2, 4], 'FLAGGED', $folder));
check('flagged', $imap->search_once($folder, 'FLAGGED')->get() == [2, 4]);
check('move', $imap->move_message([1, 2], 'Elsewhere', $folder));
check('moved', $imap->count('Elsewhere', 'ALL', true) === 2 && $imap->count($folder, 'ALL', true) === 10);
check('delete', $imap->delete_message([12], $folder));
check('deleted', $imap->count($folder, 'ALL', true) === 9);

check('annotate', $imap->set_metadata('Elsewhere', ['/private/comment' => 'Grüße']));
check('annotated', $imap->get_metadata('Elsewhere', ['/private/comment'])['Elsewhere']['/private/comment'] === 'Grüße');
check('quota', $imap->get_quota('INBOX') !== null);
check('data', $imap->folder_data($folder)['EXISTS'] === 9);

check('rename', $imap->rename_folder('Elsewhere', 'Roundcube/Moved'));
check('delete folder', $imap->delete_folder('Roundcube/Moved'));
check('gone', !in_array('Roundcube/Moved', $imap->list_folders_direct()));
$imap->close();
